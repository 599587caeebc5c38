"""VQAv2 accuracy by the logic of the official program, on many random answers.

The rules and the table are those of GT-Vision-Lab/VQA, vqaEvaluation/vqaEval.py (BSD-2-Clause),
`evaluate`, `processPunctuation` and `processDigitArticle`, oddities included.
"""

import json
import random
import re
import subprocess

QUESTIONS = 20_000

PUNCTUATION = list(';/[]"{}()=+\\_-><@`,?!')
PERIOD = re.compile(r"(?!<=\d)(\.)(?!\d)")
COMMA = re.compile(r"(\d)(\,)(\d)")
NUMBERS = {"none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4"}
NUMBERS |= {"five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10"}
ARTICLES = {"a", "an", "the"}

SPELLINGS = """
aint arent cant couldve couldnt couldn'tve couldnt've didnt doesnt dont hadnt hadnt've hadn'tve
hasnt havent hed hed've he'dve hes howd howll hows Id've I'dve Im Ive isnt itd itd've it'dve itll
let's maam mightnt mightnt've mightn'tve mightve mustnt mustve neednt notve oclock oughtnt ow's'at
'ows'at 'ow'sat shant shed've she'dve she's shouldve shouldnt shouldnt've shouldn'tve somebody'd
somebodyd've somebody'dve somebodyll somebodys someoned someoned've someone'dve someonell someones
somethingd somethingd've something'dve somethingll thats thered thered've there'dve therere theres
theyd theyd've they'dve theyll theyre theyve twas wasnt wed've we'dve weve werent whatll whatre
whats whatve whens whered wheres whereve whod whod've who'dve wholl whos whove whyll whyre whys wont
wouldve wouldnt wouldnt've wouldn'tve yall yall'll y'allll yall'd've y'alld've y'all'dve youd
youd've you'dve youll youre youve
""".split()
"""What the official table replaces."""

FORMS = """
ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't
haven't he'd he'd've he's how'd how'll how's I'd've I'm I've isn't it'd it'd've it'll let's ma'am
mightn't mightn't've might've mustn't must've needn't not've o'clock oughtn't 'ow's'at shan't
she'd've she's should've shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd
someone'd've someone'll someone's something'd something'd've something'll that's there'd there'd've
there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll
what're what's what've when's where'd where's where've who'd who'd've who'll who's who've why'll
why're why's won't would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll
you're you've
""".split()
"""What it replaces them by: the form with the same letters; "somebody'd" alone loses a mark."""

BY_LETTERS = {form.replace("'", ""): form for form in FORMS}
CONTRACTIONS = {
    spelling: BY_LETTERS.get(spelling.replace("'", ""), spelling.replace("'", ""))
    for spelling in SPELLINGS
}


def process_punctuation(text):
    out = text
    for mark in PUNCTUATION:
        if (mark + " " in text or " " + mark in text) or re.search(COMMA, text) is not None:
            out = out.replace(mark, "")
        else:
            out = out.replace(mark, " ")
    # The official call passes re.UNICODE where the number of replacements belongs.
    return PERIOD.sub("", out, count=int(re.UNICODE))


def process_digit_article(text):
    words = [NUMBERS.get(word, word) for word in text.lower().split()]
    return " ".join(CONTRACTIONS.get(word, word) for word in words if word not in ARTICLES)


def trim(text):
    return text.replace("\n", " ").replace("\t", " ").strip()


def official_accuracy(answer, expected):
    given, truths = trim(answer), [trim(text) for text in expected]
    if len(set(truths)) > 1:
        truths = [process_digit_article(process_punctuation(text)) for text in truths]
        given = process_digit_article(process_punctuation(given))
    scores = []
    for index in range(len(truths)):
        others = truths[:index] + truths[index + 1 :]
        scores.append(min(1, float(sum(text == given for text in others)) / 3))
    return float(sum(scores)) / len(scores)


def random_answer(rng):
    pieces = SPELLINGS + FORMS + list(NUMBERS) + list(ARTICLES) + PUNCTUATION
    pieces += ["red", "Red", "yes", "YES", "no", "2", "10", "1,000", "3.5", "a.m.", "U.S.A", "...", ":"]
    pieces += ["\n", "\t", "\u00a0", "\u3000", "caf\u00e9", "\u0130stanbul", "\u0661,\u0662", "\u0663.", "'s", "", "."]
    glue = rng.choice([" ", "", "  ", ", ", "-"])
    return glue.join(rng.choice(pieces) for _ in range(rng.randint(1, 5)))


def variation(rng, text):
    return rng.choice(
        [text, text, text, text.upper(), f"the {text}", f"{text}.", f" {text}\n", f"{text}!", f"a {text}, "]
    )


def random_question(rng):
    pool = [random_answer(rng) for _ in range(rng.randint(1, 3))]
    size = rng.choice([10, 10, 10, 10, 1, 2, 3, 4, 7])
    vary = rng.random() < 0.7
    pick = (lambda: variation(rng, rng.choice(pool))) if vary else (lambda: rng.choice(pool))
    return {"answer": pick(), "expected": [pick() for _ in range(size)]}


def check_scores(root):
    rng = random.Random(20240607)
    questions = [random_question(rng) for _ in range(QUESTIONS)]
    result = subprocess.run(
        ["node", "oracles/dump-scores.mjs"],
        cwd=root,
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        check=True,
    )
    ours = json.loads(result.stdout)
    if len(ours) != QUESTIONS:
        yield f"{len(ours)} scores for {QUESTIONS} questions"
    levels = set()
    for question, score in zip(questions, ours):
        official = official_accuracy(**question)
        levels.add(round(official, 3))
        # The official sum of thirds has its own rounding in the last bits.
        if abs(official - score) > 1e-9:
            yield f"{question}: official {official}, ours {score}"
    if len(levels) < 6:
        yield f"the random questions reach only the scores {sorted(levels)}"
