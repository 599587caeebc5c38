// Answers the first questions of a data set as `mixbit evaluate` does, by the built library:
//   node answer-with-mixbit.mjs <folder> <descriptor> <limit>
// Prints [{"question", "picture", "answer"}] as JSON; pictures are relative to the data set.
import { createNodeHost, evaluateModel, openForEvaluation } from 'mixbit'

const [folder, data, limit] = process.argv.slice(2)
const host = createNodeHost({ emit: () => {} })
try {
  const files = await openForEvaluation(host, folder, '', null)
  const { answers } = await evaluateModel(host, {
    folder,
    files,
    data,
    limit: Number(limit),
    numerics: 'faithful',
    stage: 'evaluate',
    now: () => performance.now() / 1000,
  })
  const rows = answers.map(({ question, image, answer }) => ({ question, picture: image, answer }))
  process.stdout.write(JSON.stringify(rows))
} finally {
  await host.dispose()
}
