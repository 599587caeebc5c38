import { expect, test } from 'vitest'
import { imagePathWriter } from './path-pattern.ts'

// Expected values: Python's str.format.
test.for([
  { pattern: 'val/{image_id:06}.jpg', id: 42, path: 'val/000042.jpg' },
  {
    pattern: 'COCO_val2014_{image_id:012d}.jpg',
    id: 393225,
    path: 'COCO_val2014_000000393225.jpg',
  },
  { pattern: '{image_id}', id: 0, path: '0' },
  { pattern: '{image_id}/{image_id:03}.png', id: 7, path: '7/007.png' },
  { pattern: '{image_id:02}', id: 12345, path: '12345' },
  { pattern: '{{{image_id}}}', id: 1, path: '{1}' },
  { pattern: '{image_id}.jpg', id: 'a$&b', path: 'a$&b.jpg' },
])('imagePathWriter: $pattern of $id', ({ pattern, id, path }) => {
  expect(imagePathWriter(pattern, 'd')(id)).toBe(path)
})

test.for([
  'plain.jpg',
  '{}',
  '{image_id',
  'image_id}',
  '{image_id:}',
  '{image_id:6}',
  '{image_id:06x}',
  '{image_id:0999}',
  '{image_id!r}',
  '{question_id}',
  '{{image_id}}',
])('imagePathWriter refuses %s', (pattern) => {
  expect(() => imagePathWriter(pattern, 'd')).toThrow(
    expect.objectContaining({ code: 'invalid-dataset' }),
  )
})
