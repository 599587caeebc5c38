/** Powers of 1000, as disks and phones count. */
const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** A size with three significant digits: `8.76 MB`, `412 MB`, `1.24 GB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  // Above 999.5 three digits would show 1000.
  while (Math.abs(value) >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? Math.round(value) : threeDigits(value)} ${BYTE_UNITS[unit]}`
}

/** A whole number with commas: `1,240,000`. */
export function formatCount(count: number): string {
  return Math.round(count)
    .toString()
    .replaceAll(/\B(?=(?:\d{3})+$)/gu, ',')
}

/** A fraction in percent: `98.47 %`. */
export function formatPercent(fraction: number, digits = 2): string {
  return `${(fraction * 100).toFixed(digits)} %`
}

/** A change of a fraction in points, with its sign: `-0.33`. */
export function formatPoints(change: number): string {
  const points = (change * 100).toFixed(2)
  if (Number(points) === 0) return '0.00'
  return change > 0 ? `+${points}` : points
}

/** A time: `0.4 s`, `12 s`, `3 min 20 s`, `1 h 05 min`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 9950) return `${(Math.max(0, milliseconds) / 1000).toFixed(1)} s`
  const seconds = Math.round(milliseconds / 1000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${twoDigits(seconds % 60)} s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`
}

function threeDigits(value: number): string {
  const magnitude = Math.abs(value)
  if (magnitude >= 99.95) return value.toFixed(0)
  return magnitude >= 9.995 ? value.toFixed(1) : value.toFixed(2)
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}
