/** A range of values, drawn from left to right. */
export type Domain = {
  readonly low: number
  readonly high: number
  readonly ticks: readonly number[]
}

/**
 * A range of fractions that holds all values, widened to whole steps of 1, 2 or 5 times a power of
 * ten, and never beyond 0 and 1.
 */
export function fractionDomain(values: readonly number[]): Domain {
  const known = values.filter((value) => Number.isFinite(value))
  const low = Math.max(0, Math.min(1, ...known))
  const high = Math.min(1, Math.max(low, ...known))
  const step = tickStep(Math.max(high - low, MINIMUM_SPAN), WANTED_STEPS)
  const below = Math.floor(low / step + ROUNDING) - (high === low ? 1 : 0)
  const first = Math.max(0, Math.min(below, Math.round(1 / step) - 1))
  const last = Math.max(first + 1, Math.ceil(high / step - ROUNDING))
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step)
  const inside = ticks.filter((tick) => tick <= 1 + ROUNDING)
  return { low: first * step, high: Math.min(1, last * step), ticks: inside }
}

/** Five or so steps fit a narrow phone with their labels. */
const WANTED_STEPS = 5

/** One point: a finer axis would show differences that no evaluation resolves. */
const MINIMUM_SPAN = 0.01

/** Takes up the error of dividing decimal fractions. */
const ROUNDING = 1e-9

/** The smallest 1, 2 or 5 times a power of ten that covers `span` in at most `steps` steps. */
function tickStep(span: number, steps: number): number {
  const power = 10 ** Math.floor(Math.log10(span / steps) + ROUNDING)
  const step = [1, 2, 5].find((factor) => factor * power * steps >= span * (1 - ROUNDING))
  return power * (step ?? 10)
}

/** Where a value lies in the domain, as an SVG or CSS length in percent. */
export function position(value: number, domain: Domain): string {
  const share = (value - domain.low) / (domain.high - domain.low)
  return percentLength(share)
}

/** A share of 1 as a length in percent, kept inside 0 to 100. */
export function percentLength(share: number): string {
  const inside = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0))
  return `${Number((inside * 100).toFixed(3))}%`
}
