// The page of the chat: what is said, and the box to say something. It decides nothing and stores a draft at most.
import type { CodeAction, FromPage, ToPage } from '../src/chat/messages';
import type { ChatAnswer as Answer, ChatPart, ChatSource } from '../src/protocol';
import { link, render } from './markdown';

declare function acquireVsCodeApi(): { postMessage(message: FromPage): void; getState(): { draft: string } | undefined; setState(state: { draft: string }): void };
const vscode = acquireVsCodeApi();
const tell = (message: FromPage): void => vscode.postMessage(message);
const byId = <Kind extends HTMLElement>(id: string): Kind => document.getElementById(id) as Kind;

const talk = byId('talk');
const told = byId('told');
const question = byId<HTMLTextAreaElement>('question');
const [send, stop, attach, chips] = [byId<HTMLButtonElement>('send'), byId<HTMLButtonElement>('stop'), byId('attach'), byId('chips')];

function make<Name extends keyof HTMLElementTagNameMap>(name: Name, className = '', text = ''): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function button(title: string, act: () => void, className = 'plain'): HTMLButtonElement {
  const made = make('button', className, title);
  made.type = 'button';
  made.addEventListener('click', act);
  return made;
}

/** One question and its answer, as far as it has come. */
class Turn {
  private readonly article = make('article');
  private readonly before = make('div', 'before');
  private readonly body = make('div', 'answer');
  private readonly after = make('footer');
  private text = '';
  private reasoning = '';
  private spoken = 0;
  private drawing = 0;

  constructor(asked: string, private readonly index: number) {
    const said = make('div', 'question');
    said.append(make('h2', 'unseen', 'You'), make('p', '', asked));
    this.article.append(said, make('h2', 'unseen', 'Answer'), this.before, this.body, this.after);
    this.after.append(make('span', 'waiting', 'Thinking…'));
    talk.append(this.article);
  }

  hear({ sources, leftOut, text, reasoning }: ChatPart): void {
    if (sources) this.shown(sources);
    for (const left of leftOut ?? []) this.before.append(make('p', 'hint', left));
    this.reasoning += reasoning ?? '';
    this.text += text ?? '';
    if (reasoning) this.thought();
    if (text) this.drawing ||= requestAnimationFrame(() => this.draw());
  }

  end(answer: Answer): void {
    cancelAnimationFrame(this.drawing);
    this.text = answer.text;
    if (!this.before.querySelector('.sources')) this.shown(answer.sources);
    this.draw();
    this.speak(true);
    link(this.body, answer.citations.map(({ written }) => written), (index) => tell({ kind: 'cite', turn: this.index, index }));
    for (const figure of this.body.querySelectorAll<HTMLElement>('figure.code')) this.offer(figure);
    this.after.replaceChildren();
    if (answer.error) this.after.append(make('p', 'error', [answer.error.text, answer.error.fix].filter(Boolean).join('. ')));
    else if (answer.finish === 'stopped') this.after.append(make('span', 'mark', 'Stopped'));
    else if (answer.finish === 'length') this.after.append(make('span', 'mark', 'Cut at the token limit'));
    const facts = [
      answer.model, cost(answer), answer.outputTokens === null ? '' : `${answer.estimated ? '~' : ''}${answer.outputTokens} ${answer.outputTokens === 1 ? 'token' : 'tokens'}`, `${answer.totalSeconds.toFixed(1)} s`,
    ];
    this.after.append(make('span', 'facts', facts.filter(Boolean).join(' · ')));
  }

  private draw(): void {
    this.drawing = 0;
    const follows = atEnd();
    this.article.querySelector('.waiting')?.classList.add('unseen');
    render(this.body, this.text);
    this.speak(false);
    if (follows) toEnd();
  }

  /** Says whole blocks, each once: a screen reader that hears every word of a stream says nothing in the end. */
  private speak(isOver: boolean): void {
    if (!live) return;
    const whole = [...this.body.children].slice(this.spoken, isOver ? undefined : -1);
    if (whole.length) told.textContent = whole.map((each) => each.textContent).join('\n');
    this.spoken += whole.length;
  }

  private shown(sources: ChatSource[]): void {
    if (!sources.length) return;
    const details = make('details', 'sources');
    details.append(make('summary', '', `Looked at ${sources.length} ${sources.length === 1 ? 'place' : 'places'}`));
    const list = make('ul');
    sources.forEach(({ path, line, endLine, why, isCut }, index) => {
      const item = make('li');
      const place = path ? `${path}:${line + 1}-${endLine + 1}` : 'the selection';
      item.append(path ? button(place, () => tell({ kind: 'source', turn: this.index, index }), 'place') : place, ` ${why}${isCut ? ', cut' : ''}`);
      list.append(item);
    });
    details.append(list);
    this.before.prepend(details);
  }

  private thought(): void {
    let details = this.before.querySelector('.reasoning');
    if (!details) {
      details = make('details', 'reasoning');
      details.append(make('summary', '', 'Reasoning'), make('p'));
      this.before.append(details);
    }
    details.lastElementChild!.textContent = this.reasoning;
  }

  private offer(figure: HTMLElement): void {
    const bar = make('span', 'actions');
    const text = figure.querySelector('code')!.textContent ?? '';
    const names: Record<CodeAction, string> = { copy: 'Copy', insert: 'Insert', compare: 'Compare', apply: 'Apply' };
    for (const [action, title] of Object.entries(names) as [CodeAction, string][]) {
      bar.append(button(title, () => tell({ kind: 'code', action, turn: this.index, text, language: figure.dataset.language ?? '' })));
    }
    figure.querySelector('figcaption')!.append(bar);
  }
}

const cost = ({ cost: dollars }: Answer): string => (dollars === null ? 'cost unknown' : Number(dollars) === 0 ? 'free' : `$${Number(dollars).toPrecision(2)}`);
const atEnd = (): boolean => talk.scrollHeight - talk.scrollTop - talk.clientHeight < 40;
const toEnd = (): void => { talk.scrollTop = talk.scrollHeight; };

let turns: Turn[] = [];
let live = false;

function begin(asked: string): Turn {
  talk.querySelector('.welcome')?.remove();
  const turn = new Turn(asked, turns.length);
  turns.push(turn);
  return turn;
}

function answering(is: boolean): void {
  live = is;
  stop.hidden = !is;
  send.hidden = is;
  talk.setAttribute('aria-busy', String(is));
}

function welcome(notice: string): void {
  const page = make('div', 'welcome');
  page.append(make('h1', '', 'Ask about your code'));
  for (const line of ['Answers come from your own model, with what the search index of this workspace finds.', 'Attach files, the selection or problems to show more.']) page.append(make('p', '', line));
  if (notice) page.append(make('p', 'error', notice));
  talk.append(page);
}

window.addEventListener('message', ({ data }: MessageEvent<ToPage>) => {
  switch (data.kind) {
    case 'session':
      answering(false);
      turns = [];
      talk.replaceChildren();
      if (!data.turns.length && !data.running) welcome(data.notice);
      for (const turn of data.turns) begin(turn.question).end(turn.answer);
      if (data.running) {
        const { question: asked, text, reasoning } = data.running;
        answering(true);
        begin(asked).hear({ text, reasoning });
      }
      return requestAnimationFrame(toEnd);
    case 'asked':
      begin(data.question);
      answering(true);
      told.textContent = 'Asking the model';
      return toEnd();
    case 'part': return turns.at(-1)?.hear(data.part);
    case 'ended': {
      const follows = atEnd();
      turns.at(-1)?.end(data.answer);
      answering(false);
      return follows && toEnd();
    }
    case 'failed':
      talk.append(make('p', 'error', data.message));
      told.textContent = data.message;
      question.value ||= data.question;
      return size();
    case 'chips':
      chips.replaceChildren(...data.chips.map(({ id, label, title }) => {
        const item = make('li', '', label);
        item.title = title;
        const remove = button('×', () => tell({ kind: 'detach', id }));
        remove.ariaLabel = `Remove ${label}`;
        item.append(remove);
        return item;
      }));
      return;
    case 'focus': return question.focus();
  }
});

function size(): void {
  question.style.height = 'auto';
  question.style.height = `${Math.min(question.scrollHeight + 2, window.innerHeight / 3)}px`;
  vscode.setState({ draft: question.value });
}

function ask(): void {
  if (live || !question.value.trim()) return;
  tell({ kind: 'send', text: question.value });
  question.value = '';
  size();
}

byId('ask').addEventListener('submit', (event) => { event.preventDefault(); ask(); });
question.addEventListener('input', size);
question.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  ask();
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || !live) return;
  event.preventDefault();
  tell({ kind: 'stop' });
});
stop.addEventListener('click', () => { tell({ kind: 'stop' }); question.focus(); });
attach.addEventListener('click', () => tell({ kind: 'attach' }));

question.value = vscode.getState()?.draft ?? '';
size();
tell({ kind: 'ready' });
