// One chart: lines or stacked bars over the steps of a span, with a legend that says what is under the mouse.
// The same figures stand in a table below it, for those who do not see it.
import uPlot from 'uplot';
import { make, unseen } from './dom';
import { NONE, type Times } from './format';

export interface Line {
  name: string;
  /** A colour of style.css, such as `--custom`. */
  color: string;
  values: (number | null)[];
  dash?: number[];
  /** The area below it is tinted. */
  filled?: boolean;
}

/** When the steps begin (Unix time), one more than there are steps, and how they are called. */
export interface Axis {
  edges: number[];
  step: string;
  times: Times;
}

interface Options {
  title: string;
  format: (value: number) => string;
  stacked?: boolean;
  /** The least that the upper end of the scale stands for, so that an almost empty chart does not tower. */
  least: number;
}

const HEIGHT = 168;
const pen = document.createElement('canvas').getContext('2d')!;
const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function widthOf(text: string, font: string): number {
  pen.font = font;
  return pen.measureText(text).width;
}

const lone = (values: Line['values']): number[] =>
  values.flatMap((value, at) => (value !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null ? [at] : []));

export class Chart {
  readonly element = make('figure', { class: 'chart' });
  private readonly legend = make('figcaption', { class: 'legend' });
  private readonly place = make('div', { class: 'plot', 'aria-hidden': 'true' });
  private readonly body = make('tbody');
  private readonly head = make('thead');
  private plot: uPlot | undefined;
  private lines: Line[] = [];
  private axis: Axis | undefined;
  private shown = '';

  constructor(private readonly options: Options) {
    const table = make('table', {}, make('caption', { class: 'unseen' }, options.title), this.head, this.body);
    const scroll = make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `${options.title}, as a table` }, table);
    const details = make('details', {}, make('summary', {}, 'Table', unseen(` of ${options.title}`)), scroll);
    this.element.append(this.legend, this.place, details);
    new ResizeObserver(() => this.fit()).observe(this.place);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.plot?.redraw());
  }

  update(axis: Axis, lines: Line[]): void {
    [this.axis, this.lines] = [axis, lines];
    this.table();
    const shape = lines.map((line) => line.name).join();
    if (!this.plot || this.shown !== shape) {
      this.shown = shape;
      this.plot?.destroy();
      this.plot = new uPlot(this.settings(), this.data(), this.place);
    } else {
      this.plot.setData(this.data());
    }
    this.say(this.plot.cursor.idx ?? null);
  }

  /** Each step stands in its middle. Stacked series are drawn from the highest sum down, each over the one before. */
  private data(): uPlot.AlignedData {
    const middles = this.middles();
    if (!this.options.stacked) return [middles, ...this.lines.map((line) => line.values)];
    return [middles, ...this.lines.map((_, at) => middles.map((_, step) => this.lines.slice(at).reduce((sum, line) => sum + (line.values[step] ?? 0), 0)))];
  }

  private settings(): uPlot.Options {
    const { format, stacked, least } = this.options;
    const font = `11px ${css('--font')}`;
    const bars = uPlot.paths.bars!({ size: [0.72, 36], radius: 0.12 });
    return {
      width: this.place.clientWidth || 400,
      height: HEIGHT,
      padding: [8, 4, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: !stacked, size: 7 } },
      scales: {
        x: { time: false, range: () => [this.axis!.edges[0]!, this.axis!.edges.at(-1)!] },
        y: { range: (_, _low, high) => [0, Math.max(high ?? 0, least) * 1.06] },
      },
      axes: [
        {
          stroke: () => css('--quiet'), font, grid: { show: false }, ticks: { show: false }, gap: 6, size: 26, space: 56,
          splits: (plot) => this.ticks(plot.bbox.width / devicePixelRatio),
          values: (_, all) => all.map((middle) => this.axis!.times.tick(this.begin(middle), this.axis!.step)),
        },
        {
          stroke: () => css('--quiet'), font, grid: { stroke: () => css('--line'), width: 1 }, ticks: { show: false }, gap: 6, space: 34,
          size: (_, values) => Math.max(34, ...(values ?? []).map((text) => widthOf(text, font) + 10)),
          values: (_, all) => all.map((value) => (value === null ? '' : format(value))),
        },
      ],
      series: [
        {},
        ...this.lines.map((line): uPlot.Series => ({
          stroke: () => css(line.color),
          width: stacked ? 0 : 1.6,
          ...(line.dash ? { dash: line.dash } : {}),
          ...(stacked ? { paths: bars, fill: () => css(line.color) } : line.filled ? { fill: () => `color-mix(in srgb, ${css(line.color)} 14%, transparent)` } : {}),
          // A step without neighbours has no line, and steps without requests are no zero.
          points: stacked ? { show: false } : { show: true, size: 5, fill: () => css(line.color), filter: () => lone(line.values) },
        })),
      ],
      hooks: { setCursor: [(plot) => this.say(plot.cursor.idx ?? null)] },
    };
  }

  /** Middles of steps, as many as there is room for; a day that is cut into quarters is named once. */
  private ticks(width: number): number[] {
    const { edges, step, times } = this.axis!;
    const middles = this.middles().filter((_, at) => step !== 'quarter of a day' || at === 0 || times.day(edges[at]!) !== times.day(edges[at - 1]!));
    const every = Math.max(1, Math.ceil((middles.length * 58) / width));
    return middles.filter((_, number) => number % every === 0);
  }

  private middles(): number[] {
    const { edges } = this.axis!;
    return edges.slice(1).map((edge, at) => (edge + edges[at]!) / 2);
  }

  private begin(middle: number): number {
    return this.axis!.edges.findLast((edge) => edge <= middle) ?? middle;
  }

  private say(at: number | null): void {
    const { edges, times, step } = this.axis!;
    const entries = this.lines.map((line) => {
      const swatch = make('span', { class: line.dash ? 'swatch dashed' : 'swatch', 'aria-hidden': 'true' });
      swatch.style.setProperty('--of', `var(${line.color})`);
      const value = at === null ? undefined : line.values[at];
      return make('span', {}, swatch, line.name, ...(at === null ? [] : [make('b', {}, value === null || value === undefined ? NONE : this.options.format(value))]));
    });
    this.legend.replaceChildren(...entries, ...(at === null ? [] : [make('span', { class: 'when' }, times.step(edges[at]!, step))]));
  }

  private table(): void {
    const { edges, times, step } = this.axis!;
    this.head.replaceChildren(make('tr', {}, make('th', { scope: 'col' }, 'From'), ...this.lines.map((line) => make('th', { scope: 'col', class: 'number' }, line.name))));
    const rows = edges.slice(0, -1).map((edge, at) => {
      const values = this.lines.map((line) => line.values[at] ?? null);
      if (values.every((value) => !value)) return undefined;
      const cells = values.map((value) => make('td', { class: 'number' }, value === null ? NONE : this.options.format(value)));
      return make('tr', {}, make('th', { scope: 'row' }, times.step(edge, step)), ...cells);
    });
    const some = rows.filter((row) => row !== undefined);
    this.body.replaceChildren(...(some.length ? some : [make('tr', {}, make('td', { colspan: String(this.lines.length + 1) }, 'Nothing in this span'))]));
  }

  private fit(): void {
    const width = this.place.clientWidth;
    if (this.plot && width && width !== this.plot.width) this.plot.setSize({ width, height: HEIGHT });
  }
}
