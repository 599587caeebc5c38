/** One thing that was checked of a written model. */
export type VerifyCheck = {
  /** `structure`: the files are what their format says, and fit together. */
  readonly group: 'structure'
  readonly name: string
  /** `skipped`: it could not be looked at: an earlier check failed, or no rule is known. */
  readonly status: 'passed' | 'failed' | 'skipped'
  /** What was found, where it is a number. */
  readonly measured: number | null
  /** What it may be at most, where it is a number. */
  readonly limit: number | null
  /** What is wrong and where; of other checks what was not looked at. */
  readonly message?: string
}

/** JSON of `mixbit verify`. */
export type Verification = {
  readonly schema: 'mixbit/verification@1'
  readonly model: string
  readonly checks: readonly VerifyCheck[]
  /** No check failed. */
  readonly passed: boolean
}
