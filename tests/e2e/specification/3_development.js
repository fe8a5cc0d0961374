// Code generation costs $0.001/1K tokens (97% savings!)
const response = await fetch('/api/codebase/chat', {
  method: 'POST',
  body: JSON.stringify({
    message: 'Create a login component',
    model: 'custom:my-code-model', // $0.001/1K tokens
    useLLM: true
  })
});
