import { formatCount, formatDuration } from './units.ts'
import type { Paint } from './style.ts'

/** How far a stage is. */
export type Progress = {
  readonly done: number
  /** 0 when unknown. */
  readonly total: number
  readonly unit: string
  readonly elapsedMs: number
}

/** An estimate from less time than this jumps about. */
const LEAST_TIME_MS = 1000

/** Time left when the rest goes as fast as what is done; `undefined` when nothing can be said. */
export function timeLeftMs(progress: Progress): number | undefined {
  const { done, total, elapsedMs } = progress
  if (done <= 0 || total <= 0 || done >= total || elapsedMs < LEAST_TIME_MS) return undefined
  return (elapsedMs / done) * (total - done)
}

/** `412/1,000 images, 41 %, 12 s left`. */
export function progressText(progress: Progress): string {
  const { done, total, unit } = progress
  if (total <= 0) return `${formatCount(done)} ${unit}`
  const parts = [`${formatCount(done)}/${formatCount(total)} ${unit}`]
  parts.push(`${Math.floor((Math.min(done, total) / total) * 100)} %`)
  const left = timeLeftMs(progress)
  if (left !== undefined) parts.push(`${formatDuration(left)} left`)
  return parts.join(', ')
}

/** A bar of `width` columns; empty when the total is unknown. */
export function progressBar(progress: Progress, width: number, paint: Paint): string {
  if (progress.total <= 0 || width <= 0) return ''
  const share = Math.min(1, Math.max(0, progress.done / progress.total))
  const full = Math.floor(share * width)
  return paint('accent', '━'.repeat(full)) + paint('faint', '─'.repeat(width - full))
}
