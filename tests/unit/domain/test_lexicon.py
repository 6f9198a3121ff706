"""Free text: what counts as a complaint, in both languages, with the negations that people really use."""

import pytest

from callback.domain.lexicon import entries, unhappy_words

UNHAPPY = [
    "不满意",
    "很不满意",
    "我对你们的处理不太满意",
    "不是很好",
    "不是特别的满意",
    "态度不好",
    "太差了",
    "态度恶劣,推来推去",
    "我要投诉你们",
    "等了半天没人理",
    "问题还是没有解决",
    "问题一直没解决",
    "说话不算数,不专业",
    "谈不上满意",
    "没觉得哪里好",
    "从来没有及时回复过",
    "不能接受这个方案",
    "处理得太慢了",
    "你们就是在敷衍我",
    "浪费时间",
    "非常失望",
    "客服没有耐心",
    "快递很快,但是服务很差",
    "满意?我很不满意!",
    "并不觉得你们专业",
    "不怎么样",
    "形式主义",
    "没解决,但态度还行",
    "I am not satisfied",
    "not happy with the answer",
    "I'm not at all happy.",
    "Terrible service",
    "nobody called me back",
    "It is still not fixed",
    "This has not been resolved",
    "the agent was rude",
    "I would not recommend you",
    "Far from satisfied",
    "That was anything but helpful",
    "Good product, but the support is useless",
    "I didn’t like the solution",
    "never got a clear answer",
    "waste of time",
    "your reply took too long",
    "I am unhappy",
    "could have been better",
    "very disappointed",
    "less than happy",
    "I want to complain",
    "It doesn't work",
    "Not a good experience",
    "ＴＥＲＲＩＢＬＥ",
]

NOT_UNHAPPY = [
    "满意",
    "很满意,谢谢",
    "没有不满意的地方",
    "没有什么不满意",
    "不错",
    "挺好的,没什么意见",
    "没问题",
    "没有问题了",
    "服务态度特别好,没话说",
    "一点也不慢",
    "不会不好",
    "谈不上不满意",
    "没有投诉",
    "希望以后更好",
    "请尽快解决",
    "建议回复再快一点",
    "不好意思,麻烦你们了",
    "问题已经解决了",
    "好得不得了",
    "无",
    "没有",
    "不知道",
    "我的投诉已处理,谢谢",
    "客服很专业,也不敷衍",
    "没什么可改进的",
    "satisfied",
    "not bad",
    "Not bad at all!",
    "no complaints",
    "no problem, thanks",
    "I am not unhappy",
    "couldn’t be better",
    "never had a bad experience",
    "The agent was not rude",
    "very happy, nothing to complain about",
    "can't complain",
    "My complaint was handled well",
    "I would like a call on Monday",
    "good",
    "it wasn't difficult",
    "No, everything is great",
    "I cannot recommend you enough",
    "none",
    "nothing",
    "Not slow, not expensive, just right",
    "No one was impolite",
    "please keep it up",
    "",
]


@pytest.mark.parametrize("text", UNHAPPY)
def test_a_complaint_is_heard(text: str) -> None:
    assert unhappy_words(text)


@pytest.mark.parametrize("text", NOT_UNHAPPY)
def test_no_complaint_is_invented(text: str) -> None:
    assert unhappy_words(text) == ()


def test_the_evidence_shows_the_words_and_their_negation() -> None:
    assert unhappy_words("处理太慢,我对结果不是很满意。") == ("太慢", "不是很满意")
    assert unhappy_words("The agent was RUDE and I am not at all happy") == ("rude", "not at all happy")


def test_no_entry_has_two_moods() -> None:
    found = set(entries())
    assert len(found) == len({entry for entry, _ in found})


def test_the_same_word_is_evidence_once() -> None:
    assert unhappy_words("太慢!太慢!") == ("太慢",)
