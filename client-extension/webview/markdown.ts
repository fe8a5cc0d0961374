// From a model's Markdown to the page. The text is hostile: no HTML, no images, no links of its own come through.
import hljs from 'highlight.js/lib/common';
import MarkdownIt from 'markdown-it';

const md = new MarkdownIt({ html: false, linkify: false });
const { escapeHtml } = md.utils;

/** Long code stays plain: nobody waits for colours. */
const HIGHLIGHTED = 20_000;

md.renderer.rules.image = (tokens, at) => escapeHtml(`${tokens[at]!.content} (${tokens[at]!.attrGet('src') ?? ''})`);
// A link is its text with the address behind it, to be read; places in the workspace become buttons later.
const addresses: string[] = [];
md.renderer.rules.link_open = (tokens, at) => {
  addresses.push(String(tokens[at]!.attrGet('href') ?? ''));
  return '<span class="link">';
};
md.renderer.rules.link_close = () => `</span> <span class="address">${escapeHtml(addresses.pop() ?? '')}</span>`;
md.renderer.rules.fence = (tokens, at) => code(tokens[at]!.content, tokens[at]!.info);
md.renderer.rules.code_block = (tokens, at) => code(tokens[at]!.content, '');

function code(text: string, info: string): string {
  const [first = '', ...more] = info.trim().split(/\s+/);
  const language = first.replace(/:.*/, '').toLowerCase();
  const known = hljs.getLanguage(language) && text.length < HIGHLIGHTED;
  const html = known ? hljs.highlight(text, { language, ignoreIllegals: true }).value : escapeHtml(text);
  const name = more.find((word) => /[./]/.test(word)) ?? '';
  return `<figure class="code" data-language="${escapeHtml(language)}"><figcaption>${escapeHtml(name || first || 'code')}</figcaption><pre tabindex="0"><code>${html}</code></pre></figure>`;
}

interface Policy { createHTML(html: string): string }
const { trustedTypes } = window as unknown as { trustedTypes?: { createPolicy(name: string, rules: Policy): Policy } };
const policy = trustedTypes?.createPolicy('beastmode-markdown', { createHTML: (html) => html });

/** Renders into `to`, block by block: what has not changed stays as it is, with its selection and its focus. */
export function render(to: HTMLElement, text: string): void {
  const tokens = md.parse(text, {});
  const lines = text.split('\n');
  let block = 0;
  for (let at = 0; at < tokens.length; block++) {
    let end = at + 1;
    for (let depth = tokens[at]!.nesting; depth > 0; end++) depth += tokens[end]!.nesting;
    const [from, till] = tokens[at]!.map ?? [0, 0];
    const source = `${tokens[at]!.type}\n${lines.slice(from, till).join('\n')}`;
    let element = to.children[block] as HTMLElement | undefined;
    if (!element) to.append((element = document.createElement('div')));
    if (sources.get(element) !== source) {
      const html = md.renderer.render(tokens.slice(at, end), md.options, {});
      element.innerHTML = policy ? policy.createHTML(html) : html;
      sources.set(element, source);
    }
    at = end;
  }
  while (to.children.length > block) to.lastElementChild!.remove();
}

const sources = new WeakMap<HTMLElement, string>();

/** Turns each place that is `written` in the text, outside of blocks of code, into a button. */
export function link(inside: HTMLElement, written: string[], open: (index: number) => void): void {
  if (!written.length) return;
  const longestFirst = [...written].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map((each) => each.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'g');
  const walker = document.createTreeWalker(inside, NodeFilter.SHOW_TEXT, (node) => (node.parentElement!.closest('pre, figcaption') ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT));
  const texts: Text[] = [];
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  for (const text of texts) {
    const parts: (string | Node)[] = [];
    let from = 0;
    for (const match of text.data.matchAll(pattern)) {
      const button = document.createElement('button');
      button.className = 'place';
      button.textContent = match[0];
      button.title = `Open ${match[0]}`;
      button.addEventListener('click', () => open(written.indexOf(match[0])));
      parts.push(text.data.slice(from, match.index), button);
      from = match.index + match[0].length;
    }
    if (from) text.replaceWith(...parts, text.data.slice(from));
  }
}
