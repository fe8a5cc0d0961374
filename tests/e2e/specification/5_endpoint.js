const response = await fetch('https://beast-mode.dev/api/codebase/chat', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    sessionId: 'session-123',
    message: 'Create a REST API endpoint for user registration',
    repo: 'my-api',
    model: 'custom:my-code-model',
    useLLM: true
  })
});
