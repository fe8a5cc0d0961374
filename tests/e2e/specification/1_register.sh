curl -X POST https://beast-mode.dev/api/models/custom \
  -H "Content-Type: application/json" \
  -H "Cookie: github_oauth_user_id=YOUR_USER_ID" \
  -d '{
    "model_name": "My Code Model",
    "model_id": "my-code-model",
    "endpoint_url": "https://your-model-api.com/v1/chat/completions",
    "provider": "openai-compatible",
    "api_key": "your-api-key",
    "description": "Custom model for code generation",
    "context_window": 8192,
    "max_tokens": 4000,
    "temperature": 0.7
  }'
