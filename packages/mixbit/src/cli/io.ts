import type { Emit } from '@mixbit/core'

/** What the shell is told. */
export type ExitCode = 0 | 1 | 2 | 70 | 130

export const EXIT = {
  done: 0,
  /** The work is written; a requirement was not met, and the report says why. */
  gateFailed: 1,
  /** Bad input or usage. */
  refused: 2,
  /** A mistake in Mixbit (EX_SOFTWARE of sysexits.h). */
  defect: 70,
  /** 128 + SIGINT, as shells count. */
  interrupted: 130,
} as const

export type OutputStream = {
  readonly write: (text: string) => void
  readonly isTTY: boolean
  /** Width in characters; where there is no terminal that of `COLUMNS`, else 80. */
  readonly columns: number
}

/** Everything that the command line knows of the process. Only `main.ts` makes it from the real one. */
export type Io = {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Milliseconds, from any start; never goes back. */
  readonly now: () => number
  /** Aborts when the user asks to stop. */
  readonly signal: AbortSignal
  /** For defect reports: runtime and machine. */
  readonly platform: string
}

/** What a command gets: Io, and where it sends its progress. */
export type CommandIo = Io & { readonly emit: Emit }
