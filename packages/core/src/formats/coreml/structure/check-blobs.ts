import type { ByteSource } from '../../../base/bytes.ts'
import { ensure } from '../../../base/error.ts'
import { elementsOf } from '../../../tensor/weight.ts'
import { BLOB_ALIGNMENT, readBlob, readBlobCount } from '../blob-index.ts'
import type { BlobFile } from '../blob-index.ts'
import { paddingOf } from '../blob-writer.ts'
import type { Program } from '../generated/coreml_pb.ts'
import { storedArray } from '../stored-array.ts'
import type { StoredArray } from '../stored-array.ts'
import { ownedValues } from '../visit-values.ts'
import { problemsOf, refusal } from './structure-check.ts'

/** The largest programs have some thousands; a file of more is not walked to its end. */
const MAX_BLOBS = 200_000

/** Whether every value has as many bytes of its dtype as its shape takes. */
export function blobProblems(
  program: Program,
  files: ReadonlyMap<string, BlobFile>,
): readonly string[] {
  const problems: string[] = []
  for (const { value, owner } of ownedValues(program)) {
    problems.push(
      ...problemsOf(() => {
        const array = storedArray(value, files, owner)
        if (array !== undefined) checkPadding(owner, array, files)
      }),
    )
  }
  return problems
}

/** Readers take the number of packed values from the bits of padding. */
function checkPadding(
  owner: string,
  { place, dtype, shape }: StoredArray,
  files: ReadonlyMap<string, BlobFile>,
): void {
  const file = place === null ? undefined : files.get(place.file)
  const blob = place === null ? undefined : file?.blobs.get(place.offset)
  const expected = paddingOf(dtype, elementsOf(shape))
  ensure(
    blob === undefined || blob.paddingBits === expected,
    'malformed',
    `"${owner}": the blob at byte ${place?.offset ?? 0} of "${file?.path ?? ''}" says that ${blob?.paddingBits ?? 0} bits of its ` +
      `last byte are no values; of ${dtype} [${shape.join(', ')}] ${expected} are none.`,
  )
}

/** Whether the files hold as many blobs as they say. coremltools never asks. */
export async function countProblems(
  files: ReadonlyMap<string, BlobFile>,
): Promise<readonly string[]> {
  const problems: string[] = []
  for (const { path, source } of files.values()) {
    try {
      const declared = await readBlobCount(source)
      const found = await countBlobs(source)
      if (declared !== found) {
        problems.push(`"${path}" says that it has ${declared} blobs, and has ${found}.`)
      }
    } catch (error) {
      problems.push(refusal(error))
    }
  }
  return problems
}

/** Blobs that lie one behind another from the start of a file to its end. */
async function countBlobs(source: ByteSource): Promise<number> {
  let count = 0
  for (let at = BLOB_ALIGNMENT; at < source.sizeInBytes && count < MAX_BLOBS; count++) {
    const { dataOffset, bytes } = await readBlob(source, at)
    at = Math.ceil((dataOffset + bytes) / BLOB_ALIGNMENT) * BLOB_ALIGNMENT
  }
  return count
}
