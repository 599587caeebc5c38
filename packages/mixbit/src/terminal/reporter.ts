import type { Emit, MixbitEvent } from '@mixbit/core'
import { progressBar, progressText } from './progress.ts'
import type { Progress } from './progress.ts'
import type { Paint } from './style.ts'
import { elide, printable } from './text.ts'
import { formatDuration } from './units.ts'

/** Where people read. */
export type ReportStream = {
  readonly write: (text: string) => void
  readonly isTTY: boolean
  /** May change while a stage runs. */
  readonly columns: number
}

export type ReporterOptions = {
  readonly level: 'quiet' | 'normal' | 'verbose'
  readonly paint: Paint
  /** Milliseconds, from any start. */
  readonly now: () => number
}

/** Shows events to people. `close` leaves the terminal clean; call it before anything else is written. */
export type Reporter = { readonly emit: Emit; readonly close: () => void }

/** A terminal is redrawn at most this often: faster than that nobody reads. */
const REDRAW_MS = 80

/** Elsewhere (files, CI) a stage gets one line at most this often. */
const LINE_MS = { normal: 10_000, verbose: 2000 } as const

/** Columns of a stage's name: `evaluate quantized` is the longest of our own. */
const NAME_WIDTH = { least: 8, most: 18 } as const

const LARGEST_BAR = 30

const ERASE_LINE = '\r\u001B[2K'

/** Progress for people: one line that is redrawn on a terminal, plain lines now and then elsewhere. */
export function createReporter(stream: ReportStream, options: ReporterOptions): Reporter {
  if (options.level === 'quiet') return { emit: () => {}, close: () => {} }
  const level = options.level
  return stream.isTTY ? terminalReporter(stream, options) : lineReporter(stream, options, level)
}

function terminalReporter(stream: ReportStream, options: ReporterOptions): Reporter {
  const { paint, now } = options
  const clock = stageClock(now)
  let isDrawn = false
  let drawnAt = Number.NEGATIVE_INFINITY

  const clear = (): void => {
    if (isDrawn) stream.write(ERASE_LINE)
    isDrawn = false
  }
  const keep = (line: string): void => {
    clear()
    stream.write(`${line}\n`)
  }
  const draw = (line: string): void => {
    clear()
    stream.write(line)
    isDrawn = true
    drawnAt = now()
  }
  const emit = (event: MixbitEvent): void => {
    switch (event.kind) {
      case 'stage':
        clock.start(event.stage)
        draw(stageLine(event.stage, event.detail ?? '', stream.columns, paint))
        break
      case 'progress': {
        const isLast = event.total > 0 && event.done >= event.total
        if (!isLast && now() - drawnAt < REDRAW_MS) break
        draw(barLine(event.stage, clock.progress(event), stream.columns, paint))
        break
      }
      case 'stage-done':
        keep(
          doneLine(event.stage, event.summary, clock.elapsed(event.stage), stream.columns, paint),
        )
        break
      case 'notice':
        keep(`${paint('warning', '!')} ${printable(event.message)}`)
        break
    }
  }
  return { emit, close: clear }
}

function lineReporter(
  stream: ReportStream,
  options: ReporterOptions,
  level: keyof typeof LINE_MS,
): Reporter {
  const clock = stageClock(options.now)
  let writtenAt = options.now()

  const keep = (stage: string, text: string): void => {
    writtenAt = options.now()
    stream.write(`${stage === '' ? '' : `${printable(stage)}: `}${printable(text)}\n`)
  }
  const emit = (event: MixbitEvent): void => {
    switch (event.kind) {
      case 'stage':
        clock.start(event.stage)
        // A stage that has nothing to say yet is not news: its progress or its end will be.
        if (event.detail !== undefined) keep(event.stage, event.detail)
        else if (level === 'verbose') keep(event.stage, 'started')
        break
      case 'progress':
        if (options.now() - writtenAt >= LINE_MS[level]) {
          keep(event.stage, progressText(clock.progress(event)))
        }
        break
      case 'stage-done':
        keep(event.stage, doneText(event.summary, clock.elapsed(event.stage)))
        break
      case 'notice':
        keep('notice', event.message)
        break
    }
  }
  return { emit, close: () => {} }
}

type StageClock = {
  readonly start: (stage: string) => void
  /** Milliseconds since the stage was first heard of. */
  readonly elapsed: (stage: string) => number
  readonly progress: (event: Extract<MixbitEvent, { readonly kind: 'progress' }>) => Progress
}

function stageClock(now: () => number): StageClock {
  const startedAt = new Map<string, number>()
  const elapsed = (stage: string): number => {
    const start = startedAt.get(stage)
    if (start === undefined) startedAt.set(stage, now())
    return start === undefined ? 0 : now() - start
  }
  return {
    start: (stage) => startedAt.set(stage, now()),
    elapsed,
    progress: ({ done, total, unit, stage }) => ({ done, total, unit, elapsedMs: elapsed(stage) }),
  }
}

/** A line that is redrawn may not reach the last column, where a terminal would break it. */
function stageLine(stage: string, detail: string, columns: number, paint: Paint): string {
  const text = elide(printable(detail), Math.max(1, columns - nameWidth(columns) - 4))
  return `${paint('accent', '›')} ${name(stage, columns)} ${paint('faint', text)}`
}

function barLine(stage: string, progress: Progress, columns: number, paint: Paint): string {
  const space = Math.max(1, columns - nameWidth(columns) - 4)
  const text = printable(progressText(progress))
  const bar = progressBar(progress, Math.min(LARGEST_BAR, space - text.length - 2), paint)
  return `${paint('accent', '›')} ${name(stage, columns)} ${bar === '' ? '' : `${bar}  `}${elide(text, space)}`
}

function doneLine(
  stage: string,
  summary: string,
  elapsedMs: number,
  columns: number,
  paint: Paint,
): string {
  const time = paint('faint', `  ${formatDuration(elapsedMs)}`)
  return `${paint('good', '✓')} ${name(stage, columns)} ${printable(summary)}${time}`
}

function doneText(summary: string, elapsedMs: number): string {
  return summary === ''
    ? `done in ${formatDuration(elapsedMs)}`
    : `${summary} (${formatDuration(elapsedMs)})`
}

function name(stage: string, columns: number): string {
  const width = nameWidth(columns)
  return elide(printable(stage), width).padEnd(width)
}

/** A third of a narrow terminal. */
function nameWidth(columns: number): number {
  return Math.max(NAME_WIDTH.least, Math.min(NAME_WIDTH.most, Math.floor(columns / 3)))
}
