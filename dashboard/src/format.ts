// Figures as people read them: always with their unit, and never more digits than are known.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const brief = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
export const NONE = '–';

export const count = (value: number): string => whole.format(value);
export const compact = (value: number): string => brief.format(value);
/** A model's id without what every own model's begins with. */
export const short = (id: string): string => id.replace(/^custom:/, '');
export const tokens = (value: number): string => `${compact(value)} tokens`;

export function dollars(value: number | null): string {
  if (value === null) return NONE;
  const size = Math.abs(value);
  const digits = size === 0 || size >= 1 ? 2 : size >= 0.01 ? 3 : 6;
  const text = size >= 10_000 ? whole.format(size) : size.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: digits, ...(size && size < 0.01 ? { minimumFractionDigits: 0, maximumSignificantDigits: 2 } : {}) });
  return `${value < 0 ? '−' : ''}$${text}`;
}

export function seconds(value: number | null): string {
  if (value === null) return NONE;
  if (value > 0 && value < 0.9995) return `${whole.format(value * 1000)}\u00a0ms`;
  return `${value === 0 || value >= 99.95 ? whole.format(value) : value.toFixed(value < 9.995 ? 2 : 1)}\u00a0s`;
}

export function percent(value: number | null): string {
  if (value === null) return NONE;
  const hundred = value * 100;
  return `${hundred === 0 || hundred === 100 ? hundred : hundred.toFixed(1)}\u00a0%`;
}

/** `$1.25`, or `$1.10 to $1.60` where tokens were estimated. */
export const between = (low: string, high: string): string => (low === high ? low : `${low} to ${high}`);

/** Moments in words, in the time zone that the figures were added up in. */
export class Times {
  private readonly days: Intl.DateTimeFormat;
  private readonly hours: Intl.DateTimeFormat;
  private readonly months: Intl.DateTimeFormat;

  constructor(zone: string) {
    const timeZone = zone || undefined;
    this.days = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone });
    this.hours = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone });
    this.months = new Intl.DateTimeFormat('en-GB', { month: 'short', year: 'numeric', timeZone });
  }

  day = (moment: number): string => this.days.format(moment * 1000);
  hour = (moment: number): string => this.hours.format(moment * 1000);
  moment = (moment: number): string => `${this.day(moment)}, ${this.hour(moment)}`;

  /** The name of a step of the charts that begins at a moment. */
  step(moment: number, step: string): string {
    if (step === 'hour' || step === 'quarter of a day') return this.moment(moment);
    if (step === 'week') return `Week of ${this.day(moment)}`;
    return step === 'month' ? this.months.format(moment * 1000) : this.day(moment);
  }

  /** The same, as short as an axis needs it. */
  tick(moment: number, step: string): string {
    if (step === 'hour') return this.hour(moment);
    return step === 'month' ? this.months.format(moment * 1000) : this.day(moment);
  }
}
