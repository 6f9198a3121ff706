"""The words by which people say that they are the person, that they are not, or that the number is wrong: data for
`domain/identity.py`, in both languages."""

import re


def _split(text: str) -> frozenset[str]:
    return frozenset(text.split("|"))


IS_THE_PERSON = _split(
    "1|yes|yeah|yep|yup|yea|uh huh|that's right|that is right|that's correct|that is correct|correct|right|speaking|i am|i'm|"
    "i am he|i am she|i'm he|i'm she|it is|it's me|it is me|it's him|it's her|this is|this is he|this is she|this is him|"
    "this is her|this is me|that's me|that is me|that would be me|that'd be me|me speaking|myself|one|i did|"
    "是|是的|是啊|是呀|是哦|是滴|对|对的|对啊|对呀|嗯|嗯嗯|恩|没错|有|有的|是我|我是|我就是|就是我|就是|是我本人|我是本人|本人|正是"
)
NO = _split(
    "2|two|no|nope|nah|不|不是|不是的|不是啊|不对|没有|it isn't|it is not|it's not|i am not|i'm not|no it isn't|我不是"
)
NOT_HERE = _split(
    "not here|he's not here|she's not here|he is not here|she is not here|he isn't here|she isn't here|he's out|she's out|"
    "he is out|she is out|not in|not available|她不在|他不在|不在|不在家|他出去了|她出去了"
)
"""Somebody else took the call; the number may well be the person's."""
SOMEBODY_ELSE = _split(
    "not me|it's not me|it is not me|that's not me|that is not me|this isn't me|not him|not her|i'm not him|i'm not her|"
    "i am not him|i am not her|this is not him|this is not her|不是我|不是本人|我不是本人|非本人|我不是他|我不是她"
)
WRONG_ADDRESS = _split(
    "wrong number|wrong person|wrong guy|wrong woman|wrong phone|wrong address|wrong email|no such person|nobody by that name|"
    "no one by that name|not my name|not the right number|not the right person|"
    "打错了|打错|你打错了|您打错了|你们打错了|打错电话了|电话打错了|打错号码了|打错电话|号码错了|电话错了|错号|发错人了|你发错人了|您发错人了|"
    "你们发错人了|发错号码了|找错人了|你找错人了|您找错人了|你们找错人了|认错人了|搞错人了|弄错人了|没有这个人|没这个人|查无此人|不认识这个人"
)
FILLERS = _split(
    "hello|hi|hey|oh|um|uh|well|er|ah|sorry|please|thanks|thank you|ok|okay|sure|good morning|good afternoon|no problem|no worries|"
    "not a problem|not at all|go ahead|i'm afraid|i am afraid|you have the|you have got the|you've got the|you got the|it's the|it's a|"
    "this is the|this is a|that's the|that's a|you have a|you've got a|sir|madam|ma'am|but|"
    "喂|哎|诶|唉|哦|噢|啊|呀|呢|哈|嘛|的|你好|您好|好|好的|谢谢|对不起|不好意思|抱歉|请讲|请说|没关系|没问题|没事|那个"
)
"""They say nothing either way; `no problem` stands here so that the no in it is not read as one."""

OPENINGS = re.compile(r"(?:yes|yeah|yep|yup|是的|对的|是我|我就是)(?=[^a-z])")
"""A clear yes, whatever is said after it (`yes how can i help you`)."""
INTRODUCTIONS = r"(?:我是|我就是|我叫|我|本人是|这里是|这是|this is|i am|i'm|my name is|my name's|it is|it's|you're speaking (?:to|with))"
TITLES = re.compile(r"\b(mr|mrs|ms|dr)\.")
_TITLED = r"(?:[\u4e00-\u9fff]{1,3}(?:先生|女士|小姐|太太)|(?:mr|mrs|ms|miss|dr) \S.*)"
DENIALS: tuple[re.Pattern[str], ...] = (
    re.compile(rf"(?:no )?(?:我|这里?|这边)?不是(?:什么)?{_TITLED}(?:的?(?:电话|手机|号码?))?(?:了|啊|呀)?"),
    re.compile(
        r"(?:我|这里?)?不是(?:他|她|这个人|你们的?客户|你们?要找的人|您要找的人|机主|户主)(?:的?(?:电话|手机|号码?))?(?:了|啊|呀)?"
    ),
    re.compile(rf"(?:no )?(?:i'm not|i am not|this isn't|this is not|it's not|it isn't|not) {_TITLED}"),
    re.compile(r"(?:no )?(?:this|that) (?:is not|isn't) (?:his|her|their|that person's) (?:number|phone|mobile|cell)"),
    re.compile(r"(?:no )?this (?:is not|isn't) (?:the|that) (?:person|customer).*"),
)
"""Somebody else, in more than the words of a list: not one of this name or title, nor our customer."""
RELATIVES: tuple[re.Pattern[str], ...] = (
    re.compile(
        r"(?:yes |no )?(?:this is |i am |i'm |it's )?(?:his|her|their|[a-z]+'s) "
        r"(?:wife|husband|son|daughter|mother|father|mom|dad|mum|brother|sister|partner|secretary|assistant|colleague|roommate)"
        r"(?: speaking| here)?"
    ),
    re.compile(
        r"(?:是|是的)?(?:我是)?(?:他|她|[\u4e00-\u9fff]{2,4})的?(?:家人|家属|爱人|老婆|老公|妻子|丈夫|太太|先生|儿子|女儿|妈妈|爸爸|母亲|父亲|"
        r"同事|秘书|助理|朋友|室友)(?:啊|呀)?"
    ),
)
"""Who took the call for the person."""
NAMED_DENIALS = re.compile(
    r"(?:no )?(?:我不是|这里?不是|这里?没有|不认识|i'm not|i am not|this is not|this isn't|it's not|there is no|there's no|i don't know) ?"
    r"(?:any )?(?P<name>.+?)(?: here|啊|呀|的?电话|的?手机)?"
)
DOUBTS = re.compile(
    r"\b(?:but|no|not|wrong|who|who's|this is|i'm|i am|my name|speaking for|wife|husband)\b|n't\b|"
    r"不|没|错|谁|吗|什么人|我是|我叫|但|的(?:电话|手机|家|同事|朋友)"
)
"""In a clause that is not understood otherwise: then a yes before it is no confirmation."""
