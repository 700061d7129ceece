"""What a model is told so that it words a question anew, for a search that finds more."""

import json

from steadyhand.prompts.writer import MATERIAL, Writer
from steadyhand.types.json import Json, JsonSchema
from steadyhand.types.message import Message
from steadyhand.types.text import DataClass

_LONGEST = 4_000  # code points of the conversation, its end

_OTHERS = (
    "Write {count} other wordings of the question, as somebody would put it who knows the words of the documents"
    " that answer it: synonyms, the technical term, the name of the rule. Keep its language, numbers and names."
)
_ALONE = (
    "The question belongs to the conversation before it. Write {count} wordings of it; the first is the question as"
    " it is meant, understood without the conversation. Keep its language, numbers and names."
)
_NO_ANSWER = "Do not answer the question. Answer with JSON only: `questions`, a list of texts."


def messages(question: str, history: Json, count: int, data_class: DataClass) -> tuple[Message, ...]:
    """Ask for `count` wordings. `history` is the conversation before the question, in any form; None for none."""
    system = Writer("system", "public")
    task = (_OTHERS if history is None else _ALONE).format(count=count)
    system.say(f"{task}\n{MATERIAL}\n{_NO_ANSWER}")
    user = Writer("user", "public")
    if history is not None:
        said = history if isinstance(history, str) else json.dumps(history, ensure_ascii=False)
        user.input("history", said[-_LONGEST:], data_class)
        user.say("\n")
    user.input("question", question, data_class)
    return system.message(), user.message()


def schema(count: int) -> JsonSchema:
    """What the answer must be."""
    return {
        "type": "object",
        "properties": {
            "questions": {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": 1_000},
                "minItems": 1,
                "maxItems": count,
            }
        },
        "required": ["questions"],
        "additionalProperties": False,
    }
