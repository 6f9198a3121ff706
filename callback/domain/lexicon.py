"""Does a free text say that the customer is unhappy? A Chinese and English lexicon with negation.

The text is NFKC-normalised and lower-cased, then read from left to right; at each place the longest entry wins, so
`不满意` is one word and never a happy `满意`. A negation before an entry turns it round: `没有不满意` and `not bad` are
no complaint, `不是很好` and `not satisfied` are one. Negations count; two of them cancel each other.
It errs on the side of silence: praise and complaint in one sentence still count as a complaint, an unknown word never
does, so a complaint that only tells what happened (`the refund never arrived`) is often missed; the other rules are
there for it. How it does on sentences that it was never tuned on: `tests/unit/domain/test_lexicon.py`.
What was matched is given back as evidence, negation included.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from functools import cache


class Mood(Enum):
    UNHAPPY = "unhappy"
    """A complaint; a negation takes it back."""
    HAPPY = "happy"
    """Praise; a negation makes it a complaint."""
    PLAIN = "plain"
    """Looks like one of the others and is neither; stops a shorter entry inside it."""
    NEGATION = "negation"
    BREAK = "break"
    """A negation before it does not reach what comes after."""


_ZH: dict[Mood, str] = {
    Mood.UNHAPPY: """
        一问三不知 没做到 没有做到 没有一个 有什么用 不想再 慢得 差得 离谱 没有诚意 没诚意 没下文 没有下文 没消息
        没有消息 没人联系 没人给我 没有联系我 没回复 没有回复 没答复 没有答复 没回电 没有回电 不回复 不回电 打不通
        没人接 生硬 很冲 心凉 套话 官话 不透明 没听明白 没明白 不明白 听不懂 越修越 越弄越 那么慢 还是慢 推卸责任
        白跑 来回跑 跑了好几趟 打了好多次 打了好几次 打了很多次 打了无数 说了好几遍 说了多少遍 重复说 不满意 不满
        很不满 不爽 不高兴 不开心 生气 气死 气愤 愤怒 恼火 火大 窝火 郁闷 失望 心寒 寒心 无语 糟糕 糟透 很糟 太糟
        极差 太差 很差 好差 真差 差劲 差评 差得很 太烂 很烂 真烂 垃圾 恶劣 敷衍 推诿 推脱 推卸 踢皮球 互相推
        不负责 不耐烦 没耐心 冷漠 冷淡 爱理不理 爱搭不理 不理不睬 不理人 没人理 没人管 没人负责 没人回 没有回应
        石沉大海 骗 欺骗 忽悠 坑人 坑爹 上当 投诉 举报 曝光 起诉 维权 太慢 很慢 好慢 真慢 慢死 拖延 一拖再拖 拖了
        等了很久 等太久 等了半天 迟迟 没解决 没有解决 未解决 解决不了 没处理 没有处理 未处理 没用 没什么用
        毫无用处 白打 浪费时间 浪费钱 不专业 不靠谱 不合理 不公平 不接受 不能接受 无法接受 难以接受 接受不了
        不认可 不同意 受不了 忍无可忍 后悔 再也不 讨厌 反感 不好 不行 不怎么样 不咋地 不咋样 不如意 不尽人意
        不尽如人意 态度差 服务差 质量差 说话难听 不礼貌 没礼貌 不尊重 不守信 说话不算 不兑现 言而无信 没兑现 不值
        太贵 乱收费 多收费 多扣 退钱 又坏 还是坏 老是出 总是出 经常出 一直出问题 反复出 越来越差 不方便 麻烦死
        太麻烦 很麻烦 不作为 霸王条款 走过场 形式主义 不清楚 不清不楚 不明不白 答非所问 不及时 有待提高 有待改进
    """,
    Mood.HAPPY: """
        满意 很好 挺好 非常好 太好了 真好 好 不错 很棒 棒 赞 感谢 谢谢 高兴 开心 周到 热情 耐心 专业 及时 负责
        认真 解决 处理 清楚 方便 合理 公平 值得 靠谱 礼貌 接受 认可 友好 亲切 快 有用 顺利 舒服 喜欢
    """,
    Mood.PLAIN: """
        没想到 不愧 别家 别处 没得说 没话说 没毛病 好像 好多 好几 只好 最好 好吧 好不容易 正好 刚好 好歹 不好意思
        爱好 你好 您好 不客气 不麻烦 投诉电话 投诉部 投诉渠道 投诉中心 投诉已 投诉处理 投诉得到 投诉的问题 好不好
        是不是 能不能 会不会 有没有 满不满意 满意不满意 不知道 不用 不仅 不但 不用谢 不得不 不管 不论 不同 不光
        不只 不错过 解决方案 解决方法 解决办法 解决时间 处理方案 处理时间 处理办法 处理结果 尽快 快递 赶快 很快
        快点 更快 负责人 快件 好的 好好 好了 认真点 再好 更好 更专业 更及时 更方便 更热情 更耐心 没关系 没事
        没问题 没有问题 没意见 没有意见 没什么意见 要不 差不多 差别 差异 出差 时差 误差 退款方式 退款流程 退款时间
        再耐心 再热情 不断 不止 不变 不少 不久 特别 别的 别人 分别 区别 性别 级别
    """,
    Mood.NEGATION: """
        不 没 没有 未 无 别 不是 不会 不算 不太 不怎么 并不 毫无 毫不 从不 从未 没什么 谈不上 说不上 称不上 不觉得
        不够 没能 不能 未能 没有什么 不再 没有任何 不要 不必 无需 不需要 不存在 没有人 没人
    """,
    Mood.BREAK: "但 但是 可是 不过 然而 却 而且 所以 因为 希望 建议 就是 只是",
}
_EN: dict[Mood, str] = {
    Mood.UNHAPPY: """
        couldn't care less|could not care less|disgrace|disgraceful|no sense|same problem|same issue|did not last
        didn't last|downhill|considering leaving|too many|still no|never showed up|never came|never called
        never replied|never got back|liars|took forever|takes forever|wrong|not what i was promised
        not as promised|had to call|had to chase|had to repeat|had to wait|keep sending|keeps sending
        again and again|over and over|no idea|impossible to|get worse|gets worse|got worse|gave up|give up on
        won't be using|will not be using|won't be buying|lost patience|ignorant|unhappy|dissatisfied|unsatisfied
        disappointed|disappointing|disappointment|angry|furious|annoyed|annoying|upset|frustrated|frustrating
        outraged|outrageous|awful|terrible|horrible|horrendous|appalling|dreadful|disgusting|disgusted|bad|badly
        poor|poorly|worse|worst|rubbish|garbage|trash|crap|pathetic|useless|worthless|pointless|incompetent
        unprofessional|unacceptable|unsatisfactory|unhelpful|unresolved|unsolved|unreliable|unfair|rude|impolite
        disrespectful|dismissive|careless|ignored|ignore me|ignoring|complain|complaint|complaining|complaints
        scam|scammed|fraud|cheat|cheated|ripped off|rip off|rip-off|lied|lying|liar|misled|misleading|slow
        too long|too slow|waste of time|waste of money|wasted|fed up|sick of|tired of|never again|money back
        lawyer|sue|sued|joke|nightmare|disaster|mess|ridiculous|hate|hated|regret|mistake|broken|broke|failed
        fails|failing|failure|no reply|no response|no answer|no help|no solution|still waiting|kept waiting
        runaround|run around|passed around|hung up on me|ashamed|shame|overcharged|overpriced|too expensive
        difficult|confusing|lousy|inadequate|lacking|could be better|could have been better|doesn't work
        does not work|didn't work|did not work|not working|isn't working|switch to a competitor|let down
    """.replace("\n", "|"),
    Mood.HAPPY: """
        satisfied|satisfying|satisfactory|happy|pleased|glad|good|great|excellent|helpful|helped|help|useful
        polite|friendly|professional|fast|quick|quickly|prompt|promptly|solved|resolved|fixed|acceptable|accept
        fair|reliable|easy|impressed|impressive|recommend|recommended|like|liked|enjoy|enjoyed|ideal|perfect|nice
        fine|clear|worth|answered|addressed|cares|called|calls|replied|replies|responded|got back|gets back|kind
        respectful|competent|adequate|convincing|convinced|good enough|fast enough|quick enough|clear enough|heard
        listen|listened
    """.replace("\n", "|"),
    Mood.PLAIN: """
        wasn't expecting|was not expecting|didn't expect|did not expect|haven't heard of|would like|i'd like
        look like|looks like|something like|feel like|in case|complaints department|complaint number
        complaint form|complaints team|no complaint|no complaints|no problem|no problems|no issue|no issues
        not a problem|take care|customer care|bad luck|not only|good morning|good afternoon|good luck|no mess
        kind of|nothing to complain about|little to complain about|refund policy|slow down|broken down into
        fine print|no one else|nobody else|couldn't be better|could not be better|couldn't have been better
        could not have been better|can't complain|cannot complain|my complaint was|complaint was handled
        complaint has been|complaint was resolved|recommend highly enough|recommend you enough|thank you enough
        nothing to improve|no answer needed|cannot fault|can't fault|better late than never
    """.replace("\n", "|"),
    Mood.NEGATION: """
        not|no|never|none|neither|nor|hardly|barely|without|nothing|isn't|isnt|wasn't|wasnt|aren't|arent|weren't
        werent|don't|dont|doesn't|doesnt|didn't|didnt|haven't|havent|hasn't|hasnt|hadn't|hadnt|can't|cant|cannot
        couldn't|couldnt|won't|wont|wouldn't|wouldnt|shouldn't|shouldnt|ain't|far from|anything but|fail to
        failed to|fails to|less than|lack of|nobody|no one
    """.replace("\n", "|"),
    Mood.BREAK: "but|however|although|though|because|so|and|yet|only wish|i hope|please",
}
_DEGREES = (
    "太",
    "很",
    "好",
    "真",
    "极",
    "极其",
    "非常",
    "特别",
    "十分",
    "实在",
    "相当",
    "越来越",
    "这么",
    "那么",
    "还是",
    "有点",
    "比较",
    "够",
)
_BAD = ("差", "慢", "烂", "乱", "糟", "贵", "坑", "敷衍", "麻烦", "冷淡", "随便", "马虎")
"""Chinese adjectives that complain once a degree stands before them (`非常差`); alone they may mean something else."""
_REACH_ZH = 5
"""Characters between a negation and what it negates (`不是特别的满意`)."""
_REACH_EN = 4
"""Words between a negation and what it negates (`not at all very happy`)."""


@dataclass(frozen=True, slots=True)
class _Hit:
    mood: Mood
    start: int
    end: int
    reach: int


@dataclass(frozen=True, slots=True)
class _Negation:
    start: int
    end: int
    count: int


def unhappy_words(text: str) -> tuple[str, ...]:
    """The words of `text` that say the customer is unhappy, in order, each with the negation that made it so."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    found = []
    for sentence in _SENTENCE.split(plain):
        found.extend(_unhappy_in(sentence))
    return tuple(dict.fromkeys(found))


def _unhappy_in(sentence: str) -> list[str]:
    """One sentence: a negation never reaches over its end."""
    found = []
    negation: _Negation | None = None
    for hit in _hits(sentence):
        within = negation if negation and _gap(sentence, negation.end, hit) <= hit.reach else None
        if hit.mood is Mood.NEGATION:
            negation = _Negation(within.start if within else hit.start, hit.end, within.count + 1 if within else 1)
        elif hit.mood is Mood.BREAK:
            negation = None
        elif hit.mood in (Mood.HAPPY, Mood.UNHAPPY):
            turned = within is not None and within.count % 2 == 1
            if (hit.mood is Mood.HAPPY) == turned:
                found.append(sentence[within.start if within else hit.start : hit.end])
            negation = None
    return found


def _gap(sentence: str, end: int, hit: _Hit) -> int:
    """How far a hit is from the negation before it: Chinese characters, or English words."""
    between = sentence[end : hit.start]
    return len(between.strip()) if hit.reach == _REACH_ZH else len(between.split())


def _hits(sentence: str) -> list[_Hit]:
    pattern, moods = _lexicon()
    hits = []
    for match in pattern.finditer(sentence):
        mood = moods[match.group()]
        hits.append(_Hit(mood, match.start(), match.end(), _REACH_EN if match.group().isascii() else _REACH_ZH))
    return hits


def entries() -> list[tuple[str, Mood]]:
    """Every entry with its mood; none has two (a test holds them to it)."""
    chinese = [(entry, mood) for mood, words in _ZH.items() for entry in words.split()]
    chinese += [(degree + bad, Mood.UNHAPPY) for degree in _DEGREES for bad in _BAD]
    english = [(entry.strip(), mood) for mood, words in _EN.items() for entry in words.split("|")]
    return chinese + [(entry, mood) for entry, mood in english if entry]


@cache
def _lexicon() -> tuple[re.Pattern[str], dict[str, Mood]]:
    """One pattern, longest entry first; English ones on word boundaries."""
    moods = dict(entries())
    by_length = sorted(moods, key=len, reverse=True)
    parts = [rf"\b{re.escape(entry)}\b" if entry.isascii() else re.escape(entry) for entry in by_length]
    return re.compile("|".join(parts)), moods


_SENTENCE = re.compile(r"[,.;:!?。;!?\n]+|(?<=[\u4e00-\u9fff])\s+")
"""After NFKC most Chinese punctuation is ASCII; a blank after a Chinese character ends a clause too."""
