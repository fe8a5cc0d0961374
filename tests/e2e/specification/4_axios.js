const axios = require('axios');

async function generateCodeWithCustomModel(prompt) {
  const response = await axios.post('https://beast-mode.dev/api/codebase/chat', {
    sessionId: 'my-session',
    message: prompt,
    model: 'custom:my-code-model',
    useLLM: true
  }, {
    headers: {
      'Cookie': `github_oauth_user_id=${process.env.USER_ID}`
    }
  });
  
  return response.data.code;
}
