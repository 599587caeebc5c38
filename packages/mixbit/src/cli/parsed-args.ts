/** The arguments of one command, checked against its options. Read them with the functions below. */
export type ParsedArgs = {
  readonly command: string
  readonly positionals: readonly string[]
  /** Option name to its values, in order; a flag that is set has the value `true` as text. */
  readonly values: ReadonlyMap<string, readonly string[]>
  /** Every option that the command has. */
  readonly known: ReadonlySet<string>
}

/** Whether a flag is set. */
export function hasFlag(args: ParsedArgs, name: string): boolean {
  return valuesOf(args, name).length > 0
}

/** The text of an option; `undefined` when it was not given. */
export function textOption(args: ParsedArgs, name: string): string | undefined {
  return valuesOf(args, name)[0]
}

/** The texts of a repeatable option, in order. */
export function textOptions(args: ParsedArgs, name: string): readonly string[] {
  return valuesOf(args, name)
}

/** The number of an option; `undefined` when it was not given. */
export function numberOption(args: ParsedArgs, name: string): number | undefined {
  const text = valuesOf(args, name)[0]
  return text === undefined ? undefined : Number(text)
}

/** Whether the command has this option at all. */
export function takesOption(args: ParsedArgs, name: string): boolean {
  return args.known.has(name)
}

function valuesOf(args: ParsedArgs, name: string): readonly string[] {
  if (!args.known.has(name)) throw new TypeError(`"${args.command}" has no option --${name}`)
  return args.values.get(name) ?? []
}
