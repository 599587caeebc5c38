// Answers a question about a picture with transformers.js and a folder that Mixbit wrote:
//   mixbit quantize FastVLM-0.5B --preset balanced -o out
//   node examples/answer-question.mjs out picture.jpg "What colour is the sky?"
// Nothing is fetched, and nothing need be said about precisions: config.json says it all.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

import {
  AutoModelForImageTextToText,
  AutoProcessor,
  RawImage,
  env,
} from '@huggingface/transformers'

env.allowRemoteModels = false
// A model that lies in a folder of its own needs no second copy in a cache.
env.useFSCache = false

/** Loads the folder; what comes back answers any number of questions. */
export async function loadModel(folder) {
  const path = resolve(folder)
  const processor = await AutoProcessor.from_pretrained(path)
  const model = await AutoModelForImageTextToText.from_pretrained(path)
  return { processor, model }
}

/** The model's answer to a question about a picture (a path). */
export async function answerQuestion({ processor, model }, picture, question) {
  const messages = [{ role: 'user', content: `<image>\n${question}` }]
  const prompt = processor.apply_chat_template(messages, { add_generation_prompt: true })
  const inputs = await processor(await RawImage.read(picture), prompt, {
    add_special_tokens: false,
  })
  const output = await model.generate({ ...inputs, max_new_tokens: 16, do_sample: false })
  const answer = output.slice(null, [inputs.input_ids.dims.at(-1), null])
  return processor.batch_decode(answer, { skip_special_tokens: true })[0].trim()
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [folder, picture, question] = process.argv.slice(2)
  if (question === undefined) {
    console.error('usage: node examples/answer-question.mjs <folder> <picture> "<question>"')
    process.exit(2)
  }
  console.log(await answerQuestion(await loadModel(folder), picture, question))
}
