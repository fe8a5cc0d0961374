// Elements in one line. Text is always text: nothing here makes markup of a string.

type Child = Node | string;
type Attributes = Record<string, string | boolean>;

/** An element with attributes and children; `false` leaves an attribute out. */
export function make<Name extends keyof HTMLElementTagNameMap>(name: Name, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== false) made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children);
  return made;
}

export function button(title: string, act: () => void, className = ''): HTMLButtonElement {
  const made = make('button', { type: 'button', class: className }, title);
  made.addEventListener('click', act);
  return made;
}

/** Text in which `commands` stand as code. */
export function prose(text: string): DocumentFragment {
  const made = document.createDocumentFragment();
  text.split('`').forEach((part, number) => made.append(number % 2 ? make('code', {}, part) : part));
  return made;
}

/** A word in the voice of a screen reader that is not seen. */
export const unseen = (text: string): HTMLElement => make('span', { class: 'unseen' }, text);

/** A share between 0 and 1 as a bar; what it means stands beside it as text. */
export function bar(share: number, className = ''): HTMLElement {
  const fill = make('span');
  fill.style.inlineSize = `${Math.max(0, Math.min(share, 1)) * 100}%`;
  return make('span', { class: `bar ${className}`, 'aria-hidden': 'true' }, fill);
}
