/**
 * Contractions that VQA normalisation restores when one apostrophe is missing: "dont" and
 * "couldn'tve" become "don't" and "couldn't've".
 *
 * The official table lists, for each of these forms, exactly the spellings that lack one of its
 * apostrophes; so only the forms are kept here and the spellings are derived. Its two entries that
 * change nothing ("let's", "she's") are left out, and so are "I'd've", "I'm" and "I've": their
 * spellings have a capital letter and meet only text in lower case, so they never apply.
 *
 * @see https://github.com/GT-Vision-Lab/VQA PythonEvaluationTools/vqaEvaluation/vqaEval.py
 */
const FORMS: readonly string[] = [
  "ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't",
  "haven't he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't",
  "mightn't've might've mustn't must've needn't not've o'clock oughtn't 'ow's'at shan't she'd've",
  "should've shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've",
  "someone'll someone's something'd something'd've something'll that's there'd there'd've",
  "there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't",
  "what'll what're what's what've when's where'd where's where've who'd who'd've who'll who's",
  "who've why'll why're why's won't would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd",
  "you'd've you'll you're you've",
].flatMap((line) => line.split(' '))

/** The one official entry that removes an apostrophe instead. */
const ODD_ENTRY = ["somebody'd", 'somebodyd'] as const

/** From the spelling that is met to the form that replaces it. */
export const contractions: ReadonlyMap<string, string> = new Map([
  ...FORMS.flatMap((form) =>
    withoutOneApostrophe(form).map((spelling) => [spelling, form] as const),
  ),
  ODD_ENTRY,
])

function withoutOneApostrophe(form: string): string[] {
  return [...form.matchAll(/'/g)].map(({ index }) => form.slice(0, index) + form.slice(index + 1))
}
