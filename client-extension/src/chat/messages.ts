// What the page of the chat and the extension say to each other. Types only: both bundles import it.
import type { ChatAnswer, ChatPart, ChatTurn } from '../protocol';

export interface Chip {
  id: number;
  label: string;
  title: string;
}

/** An answer that is coming. */
export interface Running {
  question: string;
  text: string;
  reasoning: string;
}

export type ToPage =
  | { kind: 'session'; turns: ChatTurn[]; running: Running | null; notice: string }
  | { kind: 'asked'; question: string }
  | { kind: 'part'; part: ChatPart }
  | { kind: 'ended'; answer: ChatAnswer }
  | { kind: 'failed'; question: string; message: string }
  | { kind: 'chips'; chips: Chip[] }
  | { kind: 'focus' };

export type CodeAction = 'copy' | 'insert' | 'compare' | 'apply';

/** `turn` counts the answers that the page shows, from zero. */
export type FromPage =
  | { kind: 'ready' }
  | { kind: 'send'; text: string }
  | { kind: 'stop' }
  | { kind: 'attach' }
  | { kind: 'detach'; id: number }
  | { kind: 'cite'; turn: number; index: number }
  | { kind: 'source'; turn: number; index: number }
  | { kind: 'code'; action: CodeAction; turn: number; text: string; language: string };
