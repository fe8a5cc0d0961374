const response = await fetch('https://beast-mode.dev/api/repos/quality/generate-feature', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    repo: 'my-app',
    featureRequest: 'Add dark mode toggle',
    model: 'custom:my-code-model',
    useLLM: true
  })
});
