import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { ChangedAnswer, ReportEvaluation } from '../../../core/src/report/report-types.ts'
import { formatPlural } from '../format.ts'
import { Section } from '../parts/section.tsx'
import { type Direction, directionOf } from '../words.ts'
import { AnswerCard } from './answer-card.tsx'

type Show = 'all' | Direction

const WORDS: Readonly<Record<Show, string>> = {
  all: 'All',
  worse: 'Worse',
  better: 'Better',
  same: 'Same score',
}

/** Two or more rows of cards on any screen; the rest is one press away. */
const FIRST_CARDS = 12

type ChangedProps = { readonly evaluations: readonly ReportEvaluation[] }

/** The questions whose answer changed, with their pictures: what a number cannot say. */
export function ChangedAnswers({ evaluations }: ChangedProps): JSX.Element {
  return (
    <Section id="changed" title="Questions whose answer changed">
      {evaluations.length === 0 && <p class="note">No evaluation data was given.</p>}
      {evaluations.map((evaluation) => (
        <ChangedSet key={evaluation.name} evaluation={evaluation} />
      ))}
    </Section>
  )
}

function ChangedSet({ evaluation }: { readonly evaluation: ReportEvaluation }): JSX.Element {
  const [show, setShow] = useState<Show>('all')
  const [limit, setLimit] = useState(FIRST_CARDS)
  const { changed, worse, better, name } = evaluation
  const chosen = chooseAnswers(changed, show)
  return (
    <div class="changed-set">
      <h3 class="name">{name}</h3>
      <p class="lead">
        {formatPlural(worse, 'answer')} scored lower and {better.toLocaleString('en-US')} higher.
        {changed.length < worse + better &&
          ` ${formatPlural(changed.length, 'example')} kept here.`}
      </p>
      {changed.length > 0 && <Filter name={name} changed={changed} show={show} onShow={setShow} />}
      <ul class="cards">
        {chosen.slice(0, limit).map((change, i) => (
          <AnswerCard key={i} change={change} />
        ))}
      </ul>
      {chosen.length > limit && (
        <button type="button" class="more" onClick={() => setLimit(chosen.length)}>
          Show all {chosen.length}
        </button>
      )}
    </div>
  )
}

/** The answers of one kind, the largest loss of score first. */
function chooseAnswers(changed: readonly ChangedAnswer[], show: Show): readonly ChangedAnswer[] {
  return changed
    .filter((change) => show === 'all' || directionOf(change) === show)
    .sort((a, b) => a.scoreAfter - a.scoreBefore - (b.scoreAfter - b.scoreBefore))
}

type FilterProps = {
  readonly name: string
  readonly changed: readonly ChangedAnswer[]
  readonly show: Show
  readonly onShow: (show: Show) => void
}

const SHOWS: readonly Show[] = ['all', 'worse', 'better', 'same']

function Filter({ name, changed, show, onShow }: FilterProps): JSX.Element {
  const counts = SHOWS.map((choice) => ({
    choice,
    count: chooseAnswers(changed, choice).length,
  })).filter(({ choice, count }) => count > 0 || choice !== 'same')
  return (
    <fieldset class="choices">
      <legend class="hidden">Which answers to show</legend>
      {counts.map(({ choice, count }) => (
        <label key={choice}>
          <input
            type="radio"
            name={`show ${name}`}
            value={choice}
            checked={show === choice}
            onChange={() => onShow(choice)}
          />
          <span>
            {WORDS[choice]} <span class="count">{count}</span>
          </span>
        </label>
      ))}
    </fieldset>
  )
}
