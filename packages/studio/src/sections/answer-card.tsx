import type { JSX } from 'preact'
import type { ChangedAnswer } from '../../../core/src/report/report-types.ts'
import { Icon } from '../parts/icon.tsx'
import { directionOf, scorePhrase } from '../words.ts'

/** Only pictures inside the report are shown: a page that opens from disk loads nothing. */
const PICTURE = /^data:image\/(?:jpeg|png|webp|gif);base64,[A-Za-z0-9+/=]+$/

/** One question with its picture and its answers. */
export function AnswerCard({ change }: { readonly change: ChangedAnswer }): JSX.Element {
  return (
    <li class={`card ${directionOf(change)}`}>
      <Picture change={change} />
      <p class="type name">{change.questionType}</p>
      <p class="question name">{change.question}</p>
      <dl>
        <dt>Expected</dt>
        <dd class="name">{change.expected}</dd>
        <Answer name="Before" answer={change.before} score={change.scoreBefore} />
        <Answer name="After" answer={change.after} score={change.scoreAfter} />
      </dl>
    </li>
  )
}

function Picture({
  change: { picture, question },
}: {
  readonly change: ChangedAnswer
}): JSX.Element {
  if (picture === null || !PICTURE.test(picture)) {
    return <div class="picture none">no picture</div>
  }
  return <img class="picture" src={picture} alt={`Picture for: ${question}`} decoding="async" />
}

type AnswerProps = { readonly name: string; readonly answer: string; readonly score: number }

function Answer({ name, answer, score }: AnswerProps): JSX.Element {
  return (
    <>
      <dt>{name}</dt>
      <dd class="answer">
        <span class="name">{answer === '' ? '(empty)' : answer}</span>
        <span class="score">
          <Icon name={score >= 1 ? 'passed' : 'failed'} />
          {scorePhrase(score)}
        </span>
      </dd>
    </>
  )
}
