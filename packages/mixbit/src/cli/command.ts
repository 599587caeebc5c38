import type { CommandIo, ExitCode } from './io.ts'
import type { ParsedArgs } from './parsed-args.ts'

/** One option as data: parsing, help and the docs page all come from it. */
export type OptionSpec = {
  /** Without dashes. */
  readonly name: string
  /** One letter, for `-o`. */
  readonly short?: string
  readonly summary: string
  readonly repeatable?: true
  /** What holds without the option, for people. */
  readonly defaultText?: string
} & (
  | { readonly type: 'flag' }
  | { readonly type: 'text'; readonly valueName: string; readonly choices?: readonly string[] }
  | {
      readonly type: 'integer' | 'number'
      readonly valueName: string
      readonly min: number
      readonly max: number
    }
)

export type PositionalSpec = {
  readonly name: string
  readonly summary: string
  readonly required: boolean
}

/** What a verb is called, takes and does, as data. */
export type CommandSpec = {
  readonly name: string
  /** One line, for the list of commands. */
  readonly summary: string
  /** A few sentences, for the command's own help. */
  readonly details: string
  readonly positionals: readonly PositionalSpec[]
  readonly options: readonly OptionSpec[]
  readonly examples: readonly string[]
}

/** A verb: arguments in, text out, nothing else. Each `commands/x.ts` exports one as `command`. */
export type Command = {
  readonly run: (args: ParsedArgs, io: CommandIo) => Promise<ExitCode>
}

/** Loads a command's module, and with it all that it needs. */
export type CommandLoader = () => Promise<{ readonly command: Command }>

/** A verb that works. */
export type CommandEntry = CommandSpec & { readonly load: CommandLoader }
