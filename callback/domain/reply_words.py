"""The words by which people say yes, no, a level or nothing: data for `domain/reply.py`, in both languages."""

from collections.abc import Mapping
from functools import cache

from callback.domain.plain import normal
from callback.domain.survey import QuestionRole


def _split(text: str) -> frozenset[str]:
    return frozenset(normal(word) for word in text.split("|"))


COURTESIES = _split(
    "谢谢|多谢|感谢|谢谢你|谢谢您|谢谢你们|谢谢您的服务|非常感谢|辛苦了|你好|您好|hi|hello|hey|thanks|thank you|thanks a lot|"
    "thank you very much|many thanks|thx|cheers|🙏|👋|😊|收到|got it|received|good morning|good afternoon|good evening|dear sir"
)
SKIPS = _split("跳过|略|略过|不答|下一题|skip|pass|next|none of your business|no comment|不想说|不方便说")
UNSURE = _split(
    "不确定|不一定|不好说|说不准|说不好|没想好|还没想好|不知道|不清楚|看情况|再看|再说|考虑中|再考虑|也许|可能|maybe|perhaps|"
    "not sure|unsure|i don't know|i do not know|don't know|dont know|dunno|undecided|it depends|depends|possibly|not yet sure"
)

YES_NO: Mapping[str, bool] = dict.fromkeys(
    _split(
        "yes|y|yes please|yes i do|yes it is|yes it has|yes it was|yes i am|yep|yeah|yup|ya|sure|of course|certainly|"
        "absolutely|definitely|correct|right|true|ok|okay|k|indeed|👍|👌|✅|✔|☑|是|是的|是滴|对|对的|没错|嗯|嗯嗯|恩|好|好的|"
        "可以|可以的|行|会|会的|能|有|有的|当然|当然会|当然可以|肯定|肯定会|一定会|必须的|必须|同意|确认|正确|要|愿意"
    ),
    True,
) | dict.fromkeys(
    _split(
        "no|n|nope|nah|no way|not yet|not really|not at all|no it is not|no it has not|no it isn't|no it hasn't|no i don't|"
        "negative|never|false|wrong|👎|❌|✖|否|不|不是|不是的|不对|没|没有|没有呢|还没|还没有|尚未|未|不可以|不行|不能|不会|"
        "不会的|不会了|不要|不同意|不愿意|肯定不会|绝不|绝对不会|并没有|根本没有|没有啊"
    ),
    False,
)

NO_CALL = dict.fromkeys(
    _split(
        "不需要|不用|不必|不需要回访|不用回访|不必回访|不要回访|不要回访了|不需要电话回访|不用电话回访|不要电话回访|"
        "不用打电话|不用联系|don't call me back|do not call me back|no need|no need to call|no need to call me|"
        "no need to call back|no need to call me back|not necessary"
    ),
    False,
)
"""No to `shall we call you?`; to a question about what was done (it has a role) it says nothing."""

_SOLVED = dict.fromkeys(
    _split(
        "解决|解决了|已解决|已经解决|已经解决了|都解决了|全解决了|问题解决了|问题已解决|处理好了|已处理好|已经好了|好了|修好了|弄好了|"
        "搞定|搞定了|恢复了|正常了|没问题了|solved|resolved|fixed|sorted|done|all good|all sorted|it works|it works now|"
        "working now|problem solved|yes solved|yes resolved|it is solved|it has been solved|it has been resolved|"
        "it has been fixed|it's fixed|it's solved|it's resolved|all fixed"
    ),
    True,
) | dict.fromkeys(
    _split(
        "没解决|没有解决|未解决|还没解决|还没有解决|尚未解决|并没有解决|根本没解决|没解决好|解决不了|没有处理|没处理|没处理好|没修好|没弄好|"
        "还没好|还没修好|没好|还是不行|还是老样子|还是坏的|部分解决|没有完全解决|没完全解决|问题还在|问题依旧|not solved|unsolved|"
        "not resolved|unresolved|not fixed|not done|still broken|still not working|still the same|not working|"
        "doesn't work|does not work|it doesn't work|it is not solved|it is not fixed|it's not fixed|not completely|"
        "only partly|partly|partially|not fully|it hasn't been fixed|it has not been fixed|it has not been solved|"
        "no not solved|no not yet|not solved yet|not fixed yet|same problem"
    ),
    False,
)
_ACCEPTED = dict.fromkeys(
    _split(
        "接受|接受了|能接受|可以接受|我接受|认可|认同|满意|同意方案|没问题|没意见|无异议|accept|accepted|acceptable|i accept|"
        "i accept it|agree|agreed|i agree|fine|that's fine|it's acceptable|it is acceptable|satisfied|good|no problem|fair enough"
    ),
    True,
) | dict.fromkeys(
    _split(
        "不接受|不能接受|无法接受|难以接受|接受不了|不可接受|我不接受|不认可|不认同|不满意|不合理|not accept|not acceptable|"
        "unacceptable|i don't accept|i do not accept|don't accept|do not accept|disagree|i disagree|reject|rejected|"
        "not satisfied|unsatisfied|dissatisfied|not good enough|not fair|unfair"
    ),
    False,
)
_ONE_CONTACT = dict.fromkeys(
    _split("一次|就一次|只一次|一次就好|一次解决|一次就够|once|just once|only once|one time|one call|one contact"), True
) | dict.fromkeys(
    _split(
        "两次|三次|多次|好几次|好多次|很多次|几次|不止一次|不是一次|反复多次|twice|three times|several times|many times|"
        "more than once|multiple times|a few times|not once"
    ),
    False,
)
BY_ROLE: Mapping[QuestionRole, Mapping[str, bool]] = {
    QuestionRole.SOLVED: _SOLVED,
    QuestionRole.ACCEPTED: _ACCEPTED,
    QuestionRole.ONE_CONTACT: _ONE_CONTACT,
}


@cache
def _satisfaction() -> Mapping[str, int]:
    """Words for the five levels of satisfaction."""
    levels: Mapping[int, str] = {
        5: "很不错|非常不错|真不错|相当不错|特别不错|很满意|非常满意|十分满意|特别满意|超级满意|极其满意|相当满意|满意极了|太满意了|完全满意|真满意|很好|非常好|特别好|太好了|好极了|"
        "超好|极好|真好|太棒了|很棒|非常棒|真棒|棒|棒棒哒|优|优秀|完美|满分|五星|五星好评|好评|点赞|赞|一流|没得说|无可挑剔|"
        "very satisfied|very good|very happy|very pleased|extremely satisfied|extremely good|extremely happy|"
        "completely satisfied|totally satisfied|fully satisfied|so satisfied|really satisfied|really good|so good|"
        "excellent|outstanding|perfect|great|fantastic|amazing|awesome|wonderful|brilliant|superb|top|the best|best|"
        "super|exceptional|first class|love it|loved it|😍|🤩|🥰|😁|😄",
        4: "满意|满意的|比较满意|挺满意|较满意|还满意|基本满意|好|挺好|还好|不错|还不错|蛮好|良|良好|可以的|挺不错|"
        "satisfied|quite satisfied|fairly satisfied|mostly satisfied|pretty satisfied|good|quite good|pretty good|"
        "happy|quite happy|pleased|nice|well|not bad|fine|😀|🙂|😊|👍",
        3: "一般|一般般|一般吧|普通|还行|还可以|可以|凑合|凑活|马马虎虎|中等|中|差不多|不好不坏|说得过去|过得去|将就|无感|没感觉|"
        "neither|neutral|average|so so|so-so|soso|meh|fair|mediocre|alright|all right|acceptable|medium|😐|😑",
        2: "不满意|不太满意|不怎么满意|不是很满意|不是特别满意|不够满意|有点不满意|比较不满意|较不满意|不满|不好|不太好|不怎么好|不怎么样|"
        "不咋地|不咋样|不行|差|有点差|较差|比较差|差了点|欠佳|"
        "dissatisfied|unsatisfied|not satisfied|not very satisfied|not so satisfied|not really satisfied|"
        "somewhat dissatisfied|a bit dissatisfied|slightly dissatisfied|unhappy|not happy|not very happy|not pleased|"
        "bad|poor|not good|not very good|not so good|not great|below average|disappointed|disappointing|😕|🙁|☹|😞|👎",
        1: "很不满意|非常不满意|十分不满意|极不满意|极其不满意|特别不满意|超级不满意|相当不满意|太不满意了|完全不满意|一点都不满意|"
        "一点也不满意|根本不满意|毫不满意|很差|非常差|太差|太差了|极差|差极了|特别差|差评|差劲|真差|很糟|糟糕|太糟糕了|很糟糕|"
        "烂|太烂了|垃圾|很不好|非常不好|恶劣|很不满|非常不满|very dissatisfied|very unsatisfied|extremely dissatisfied|"
        "totally dissatisfied|completely dissatisfied|not satisfied at all|not at all satisfied|very unhappy|very bad|"
        "very poor|extremely bad|extremely poor|really bad|so bad|too bad|terrible|awful|horrible|appalling|dreadful|"
        "the worst|worst|rubbish|useless|disgusting|hate it|very disappointed|extremely disappointed|😡|😠|🤬|😤",
    }
    return {word: level for level, words in levels.items() for word in _split(words)}


@cache
def _against_expectation() -> Mapping[str, int]:
    levels: Mapping[int, str] = {
        5: "好很多|好得多|好太多|远超预期|大大超出预期|much better|far better|a lot better|way better|far above|exceeded",
        4: "好一些|好一点|好点|更好|比预期的好|超出预期|better|a bit better|somewhat better|slightly better|a little better",
        3: "一样|差不多|跟预期一样|符合预期|如预期|没差别|as expected|the same|same|equal|about the same|met expectations",
        2: "差一些|差一点|差点|更差|比预期的差|低于预期|没达到预期|worse|a bit worse|somewhat worse|slightly worse|below",
        1: "差很多|差得多|差太多|差远了|远低于预期|much worse|far worse|a lot worse|way worse|far below",
    }
    return {word: level for level, words in levels.items() for word in _split(words)}


LEVELS: Mapping[QuestionRole, Mapping[str, int]] = {
    QuestionRole.CSAT: _satisfaction(),
    QuestionRole.EXPECTATION: _against_expectation(),
    QuestionRole.CES: {
        **dict.fromkeys(_split("非常容易|很容易|特别容易|very easy|extremely easy|super easy"), 7),
        **dict.fromkeys(
            _split("非常费力|很费力|非常困难|很困难|很难|非常难|very hard|very difficult|extremely hard"), 1
        ),
    },
    QuestionRole.NPS: {
        **dict.fromkeys(
            _split("一定推荐|一定会|肯定会|肯定推荐|必须推荐|certainly|definitely|absolutely|for sure"), 10
        ),
        **dict.fromkeys(_split("不会推荐|绝不推荐|绝不|不推荐|肯定不会|not at all|never|no way"), 0),
    },
}
