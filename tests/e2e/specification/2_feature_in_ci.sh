curl -X POST https://beast-mode.dev/api/repos/quality/generate-feature \
  -H "Content-Type: application/json" \
  -H "Cookie: github_oauth_user_id=${{ secrets.USER_ID }}" \
  -d '{
    "repo": "${{ github.repository }}",
    "featureRequest": "${{ inputs.feature_request }}",
    "model": "custom:my-code-model"
  }'
