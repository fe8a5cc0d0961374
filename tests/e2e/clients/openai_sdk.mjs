// What OpenAI's SDK for JavaScript makes of the gateway; prints it as JSON. Run where its node_modules are.
import OpenAI from 'openai';

const client = new OpenAI({ timeout: 30_000 });
const messages = [{ role: 'user', content: 'What is a sum?' }];
const tools = [{ type: 'function', function: { name: 'read', parameters: { type: 'object' } } }];
const said = {};

const chat = await client.chat.completions.create({ model: 'good', messages });
said.chat = [chat.choices[0].message.content, chat.model, chat._request_id];

const stream = await client.chat.completions.create({ model: 'default', messages, stream: true });
said.stream = '';
for await (const piece of stream) said.stream += piece.choices[0]?.delta?.content ?? '';

const called = await client.chat.completions.stream({ model: 'tools', messages, tools }).finalChatCompletion();
said.tools = called.choices[0].message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]);

said.embeddings = (await client.embeddings.create({ model: 'good', input: ['abc', 'de'] })).data.map((one) => one.embedding);
const answered = await client.responses.create({ model: 'good', input: 'What is a sum?' });
said.response = answered.output_text;
said.retried = (await client.embeddings.create({ model: 'flaky', input: 'abc' })).data[0].embedding;

const failure = (asked) => asked.then(() => 'no error', (error) => [error.constructor.name, error.status, error.code]);
said.errors = {};
for (const model of ['nope', 'long', 'rules']) said.errors[model] = await failure(client.chat.completions.create({ model, messages }));
for (const model of ['denied', 'down']) said.errors[model] = await failure(client.embeddings.create({ model, input: 'abc' }));
try {
  for await (const _ of await client.chat.completions.create({ model: 'broken', messages, stream: true }));
  said.midStream = 'no error';
} catch (error) {
  said.midStream = error.constructor.name;
}
const controller = new AbortController();
const left = await client.chat.completions.create({ model: 'slow', messages, stream: true }, { signal: controller.signal });
for await (const _ of left) controller.abort();
console.log(JSON.stringify(said));
