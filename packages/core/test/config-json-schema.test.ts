import { expect, test } from 'vitest'
import { configJsonSchema } from '../src/config/json-schema.ts'

test('the published JSON Schema is that of the config reader', async () => {
  const text = `${JSON.stringify(configJsonSchema(), null, 2)}\n`
  await expect(text).toMatchFileSnapshot('../config.schema.json')
})
