import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { nano, root } from '../built-mixbit.ts'

/** One broken input: how to make it, the command that reads it, and the code that it must give. */
export type BrokenInput = {
  readonly name: string
  /** Makes the files and says the arguments. `out` stands for an output that must not appear. */
  readonly make: (kit: Kit) => readonly string[]
  readonly code: string
  /** What the message must also say. */
  readonly says?: RegExp
  /** It must be found before the first step starts. */
  readonly isEarly?: true
}

/** What inputs are made of; every case has a fresh folder of its own. */
export type Kit = {
  readonly folder: string
  /** A good folder that `mixbit quantize` wrote. */
  readonly written: string
}

type Change = (folder: string) => void

/** A copy of the model that ships with the project, then changed. */
export function brokenModel({ folder }: Kit, change: Change = () => {}): string {
  const copy = join(folder, 'model')
  mkdirSync(copy)
  for (const name of readdirSync(nano, { withFileTypes: true })) {
    if (name.isFile()) cpSync(join(nano, name.name), join(copy, name.name))
  }
  change(copy)
  return copy
}

/** A copy of a written folder, then changed. */
export function brokenPackage({ folder, written }: Kit, change: Change): string {
  const copy = join(folder, 'package')
  cpSync(written, copy, { recursive: true })
  change(copy)
  return copy
}

/** Parsed JSON, as these tests change it. */
// oxlint-disable-next-line typescript/no-explicit-any -- broken on purpose, in any way
export type Json = any

/** Changes a JSON file in a folder. */
export function json(name: string, change: (value: Json) => void): Change {
  return (folder) => {
    const value: Json = JSON.parse(readFileSync(join(folder, name), 'utf8'))
    change(value)
    writeFileSync(join(folder, name), JSON.stringify(value))
  }
}

/** Replaces a file in a folder. */
export function file(name: string, content: string | Uint8Array): Change {
  return (folder) => writeFileSync(join(folder, name), content)
}

/** Cuts a file in a folder to a share of its bytes. */
export function cut(name: string, share: number): Change {
  return (folder) => {
    const bytes = readFileSync(join(folder, name))
    writeFileSync(join(folder, name), bytes.subarray(0, Math.floor(bytes.length * share)))
  }
}

export function remove(name: string): Change {
  return (folder) => rmSync(join(folder, name))
}

/** A safetensors file as its header and its data. */
export type Tensors = { readonly header: Json; readonly data: Buffer }

/** Changes header and data of the checkpoint; the header's length is written to fit. */
export function tensors(change: (tensors: Tensors) => void): Change {
  return (folder) => {
    const path = join(folder, 'model.safetensors')
    const bytes = readFileSync(path)
    const length = Number(bytes.readBigUInt64LE(0))
    const header: Json = JSON.parse(bytes.toString('utf8', 8, 8 + length))
    const data = bytes.subarray(8 + length)
    change({ header, data })
    writeFileSync(path, safetensors(JSON.stringify(header), data))
  }
}

export function safetensors(header: string, data: Uint8Array, length?: bigint): Buffer {
  const text = Buffer.from(header)
  const head = Buffer.alloc(8)
  head.writeBigUInt64LE(length ?? BigInt(text.length))
  return Buffer.concat([head, text, data])
}

/** A copy of the first three questions about the first picture, then changed. */
export function brokenData({ folder }: Kit, change: Change = () => {}): string {
  const from = join(root, 'fixtures/pocket-vqa')
  const to = join(folder, 'data')
  mkdirSync(join(to, 'val'), { recursive: true })
  cpSync(join(from, 'val.json'), join(to, 'val.json'))
  const firstThree = (name: string, list: 'questions' | 'annotations'): number => {
    const value: Json = JSON.parse(readFileSync(join(from, name), 'utf8'))
    writeFileSync(join(to, name), JSON.stringify({ ...value, [list]: value[list].slice(0, 3) }))
    return value[list][0].image_id
  }
  firstThree('val_annotations.json', 'annotations')
  const picture = `${String(firstThree('val_questions.json', 'questions')).padStart(6, '0')}.jpg`
  cpSync(join(from, 'val', picture), join(to, 'val', picture))
  change(to)
  return join(to, 'val.json')
}

/** Name of the only picture that `brokenData` has, below its folder. */
export function onlyPicture(folder: string): string {
  const [name = ''] = readdirSync(join(folder, 'val'))
  return `val/${basename(name)}`
}
