// Numbers as people read them. A number that is missing or not finite becomes a dash.

const MINUS = '\u2212'
/** Keeps a number and its unit on one line. */
const SPACE = '\u00a0'
const NONE = '\u2013'

type Unit = { readonly name: string; readonly size: number }

const BYTE_UNITS: readonly Unit[] = [
  { name: 'GB', size: 1e9 },
  { name: 'MB', size: 1e6 },
  { name: 'kB', size: 1e3 },
]

const COUNT_UNITS: readonly Unit[] = [
  { name: 'billion', size: 1e9 },
  { name: 'million', size: 1e6 },
]

/** Bytes with three significant digits; MB is 10^6 bytes. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return NONE
  return withUnit(bytes, BYTE_UNITS) ?? `${bytes}${SPACE}B`
}

/** A count: `16,384`, from a million on with three significant digits. */
export function formatCount(count: number): string {
  if (!Number.isFinite(count)) return NONE
  return withUnit(count, COUNT_UNITS) ?? count.toLocaleString('en-US')
}

/** A fraction of 1 in percent, one decimal. */
export function formatPercent(fraction: number | null): string {
  if (fraction === null || !Number.isFinite(fraction)) return NONE
  return `${signed((fraction * 100).toFixed(1))}${SPACE}%`
}

/** An accuracy, a fraction of 1, in percent with two decimals: one of 10,000 questions shows. */
export function formatAccuracy(fraction: number | null): string {
  if (fraction === null || !Number.isFinite(fraction)) return NONE
  return `${signed((fraction * 100).toFixed(2))}${SPACE}%`
}

/** A relative change, from `before` to `after`, in percent with its sign. */
export function formatChange(before: number, after: number): string {
  const change = after / before - 1
  if (!Number.isFinite(change)) return NONE
  return `${plus(change * 100, 1)}${SPACE}%`
}

/** The difference of two fractions in percentage points, two decimals, with its sign. */
export function formatPoints(difference: number): string {
  if (!Number.isFinite(difference)) return NONE
  return plus(difference * 100, 2)
}

/** An interval of two fractions, in percent. */
export function formatInterval(low: number, high: number): string {
  return `${(low * 100).toFixed(1)} to ${formatPercent(high)}`
}

export function formatDecibels(value: number | null): string {
  return value === null || !Number.isFinite(value) ? NONE : signed(value.toFixed(1))
}

/** A small error: two significant digits. */
export function formatError(value: number): string {
  if (!Number.isFinite(value)) return NONE
  if (value === 0) return '0'
  return signed(Math.abs(value) < 1e-4 ? value.toExponential(1) : String(round(value, 2)))
}

export function formatSeconds(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return NONE
  if (seconds < 10) return `${seconds.toFixed(1)}${SPACE}s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole}${SPACE}s`
  return `${Math.floor(whole / 60)}${SPACE}min ${whole % 60}${SPACE}s`
}

export function formatShape(shape: readonly number[]): string {
  return shape.length === 0 ? 'scalar' : shape.join('\u202f\u00d7\u202f')
}

/** `p < 0.001`, else `p = ` and two significant digits. */
export function formatPValue(p: number): string {
  if (!Number.isFinite(p)) return `p${SPACE}=${SPACE}${NONE}`
  if (p < 0.001) return `p${SPACE}<${SPACE}0.001`
  return `p${SPACE}=${SPACE}${round(Math.min(p, 1), p < 0.1 ? 1 : 2)}`
}

/** A noun after its number: `1 layer`, `2 layers`. */
export function formatPlural(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`
}

function withUnit(value: number, units: readonly Unit[]): string | null {
  for (const unit of units) {
    const scaled = round(value / unit.size, 3)
    if (Math.abs(scaled) >= 1) return `${threeDigits(scaled)}${SPACE}${unit.name}`
  }
  return null
}

function threeDigits(value: number): string {
  const magnitude = Math.abs(value)
  const decimals = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2
  return signed(value.toFixed(decimals))
}

function round(value: number, digits: number): number {
  return Number(value.toPrecision(digits))
}

function plus(value: number, decimals: number): string {
  const text = value.toFixed(decimals)
  if (Number(text) === 0) return (0).toFixed(decimals)
  return value > 0 ? `+${text}` : signed(text)
}

/** A real minus sign; no sign on zero. */
function signed(text: string): string {
  if (!text.startsWith('-')) return text
  return Number(text) === 0 ? text.slice(1) : MINUS + text.slice(1)
}
