"""Prompts as people write them: English, Japanese and Traditional Chinese, skewed as in life."""

import random

ENGLISH = {
    "who": "a red fox|an old fisherman|two children|a white horse|a robot|a dancer in a red coat|"
    "a chef|a street musician|a snow leopard|a paper boat|an astronaut|a grandmother|a black cat|"
    "a barista|a cyclist|a herd of elephants|a lighthouse keeper|a hummingbird|a samurai|a drone",
    "does": "runs through|walks along|looks out over|dances in|flies above|waits beside|"
    "drifts across|discovers|rests in|races through|paints|crosses|disappears into|returns to",
    "where": "deep snow at dawn|a neon city at night|a quiet harbour|a field of sunflowers|"
    "an abandoned station|the old town of Kyoto|a desert of glass|a rainy street in Taipei|"
    "a forest after rain|a kitchen full of steam|the edge of a volcano|an empty theatre|"
    "a library under water|a mountain pass|a market before closing time",
    "how": "slow motion|cinematic light|handheld camera|4K|shot on 35 mm|drone shot|macro lens|"
    "golden hour|one continuous take|stop motion|pastel colours|high contrast|long exposure|"
    "shallow depth of field|soft focus|anime style|documentary style|wide angle",
}
JAPANESE = {
    "who": "赤い狐|老いた漁師|二人の子供|白い馬|ロボット|"
    "赤いコートの踊り子|料理人|黒猫|宇宙飛行士|侍|折り紙の船",
    "does": "が走る|が歩く|が踊る|が空を飛ぶ|を待っている|が眠る|が振り返る|が絵を描く",
    "where": "雪の中で|夜のネオン街で|静かな港で|ひまわり畑で|"
    "京都の古い町で|雨上がりの森で|火山のふちで|図書館で",
    "how": "スローモーション|映画のような光|手持ちカメラ|高画質の動画|"
    "ドローン撮影|夕暮れ|アニメ風|長回し",
}
CHINESE = {
    "who": "紅色狐狸|老漁夫|兩個孩子|白馬|機器人|穿紅外套的舞者|廚師|黑貓|太空人|武士|紙船",
    "does": "奔跑|行走|跳舞|飛翔|等待|沉睡|回頭|作畫",
    "where": "在雪地裡|在霓虹夜城|在寧靜的港口|在向日葵田|"
    "在台北的雨街|在雨後的森林|在火山邊緣|在圖書館",
    "how": "慢動作|電影感光線|手持鏡頭|高畫質影片|空拍|黃昏|動畫風格|一鏡到底",
}
RARE = ("okapi", "zeppelin", "theremin", "万華鏡", "琵琶", "蜃氣樓")


def prompts(count: int, seed: int = 1) -> list[str]:
    """So many different prompts, the frequent ones first; most are English."""
    chance = random.Random(seed)  # noqa: S311
    made: dict[str, None] = {}
    while len(made) < count:
        scripts = chance.choices((ENGLISH, JAPANESE, CHINESE), (6, 3, 2))[0]
        words = {name: chance.choice(choices.split("|")) for name, choices in scripts.items()}
        more = ", ".join(chance.sample(scripts["how"].split("|"), chance.randrange(1, 5)))
        if scripts is ENGLISH:
            text = f"{words['who']} {words['does']} {words['where']}, {more}"
        else:
            text = f"{words['where']}{words['who']}{words['does']}、{more}"
        if chance.random() < 0.002:
            text += f" {chance.choice(RARE)}"
        made[f"{text}, take {chance.randrange(1, 400)}"] = None
    return list(made)
