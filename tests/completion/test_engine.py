"""The engine on a scripted router; no time passes and nothing leaves the process."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.completion.fakes import MODEL, Clock, ScriptedRouter, Settings, Wait, build
from tests.completion.pictures import accepted, cursor_at, drawn, typed

from beastmode.completion.engine import Answer, Engine
from beastmode.completion.gate import Allowed
from beastmode.completion.listening import LONGEST_ANSWER, MOST_BLANK_LINES, MOST_LINES
from beastmode.completion.parts import Nothing
from beastmode.completion.why import explain
from beastmode.domain.context import Snippet
from beastmode.domain.errors import Unreachable, UserError
from beastmode.domain.response import FinishReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from beastmode.context.window import Window
    from beastmode.domain.text import Cursor

LINE = cursor_at("def add(a, b):\n    return ║\n")
BLOCK = cursor_at("def add(a, b):\n    ║\n")


async def turn() -> None:
    """Let every task that can run do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what happens a moment later."""
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.01)


async def test_a_suggestion() -> None:
    """What the model says is suggested under the request's id and the model's name, and its request shows the file."""
    engine, router, _ = build(["a ", "+ b"])

    answer = await engine.suggest(LINE, explicit=False)

    [suggestion] = answer.suggestions
    assert (suggestion.text, suggestion.id, suggestion.model) == ("a + b", "request-0", "custom:m")
    assert (answer.reason, answer.error, answer.from_memory) == ("", None, False)
    assert router.requests[0].prefix == LINE.before
    assert router.requests[0].path == "example"


async def test_newer_supersedes_older() -> None:
    """A newer call for a document ends the older one, whose caller is told so and whose model stops."""
    engine, router, _ = build([asyncio.Event()], ["b"])
    older = asyncio.create_task(engine.suggest(LINE, explicit=False))
    await turn()

    newer = await engine.suggest(typed(LINE, "x"), explicit=False)

    assert await older == Answer((), "superseded")
    assert router.closed == [True, True]
    assert newer.suggestions[0].text == "b"


async def test_a_refused_call_supersedes_too() -> None:
    """A keystroke at a place where nothing is suggested makes the older request as pointless as any other."""
    engine, router, _ = build([asyncio.Event()])
    older = asyncio.create_task(engine.suggest(LINE, explicit=False))
    await turn()

    later = replace(cursor_at("re║turn"), version=2)
    assert (await engine.suggest(later, explicit=False)).reason == "middle of a word"
    assert (await older).reason == "superseded"
    await turn()
    assert router.closed == [True]


async def test_documents_do_not_disturb_each_other() -> None:
    """A request in one document leaves the one in another alone."""
    go = asyncio.Event()
    engine, _, _ = build([go, "one"], ["two"])
    first = asyncio.create_task(engine.suggest(LINE, explicit=False))
    await turn()
    second = await engine.suggest(cursor_at("x = ║", path="/src/other"), explicit=False)
    go.set()

    assert second.suggestions[0].text == "two"
    assert (await first).suggestions[0].text == "one"


async def test_a_burst_leaves_one_request() -> None:
    """Of forty keys at once the last one is answered, and every other request has been stopped."""
    engine, router, _ = build(*[[asyncio.Event()]] * 39, ["end"])
    calls = []
    cursor = LINE
    for _ in range(40):
        cursor = typed(cursor, "x")
        calls.append(asyncio.create_task(engine.suggest(cursor, explicit=False)))
        await turn()
    answers = await asyncio.gather(*calls)

    assert [answer.reason for answer in answers] == ["superseded"] * 39 + [""]
    assert router.closed == [True] * 40


async def test_cancelling_the_caller_stops_the_model() -> None:
    """Plain cancellation goes through to the router's generator and is not swallowed."""
    engine, router, _ = build([asyncio.Event()], ["b"])
    call = asyncio.create_task(engine.suggest(LINE, explicit=False))
    await turn()

    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call
    await until(lambda: router.closed == [True])
    assert (await engine.suggest(LINE, explicit=False)).suggestions


async def test_cancelled_and_superseded_at_once() -> None:
    """A caller that was cancelled hears that it was cancelled, even if its request was superseded as well."""
    engine, _, _ = build([asyncio.Event()], ["b"])
    call = asyncio.create_task(engine.suggest(LINE, explicit=False))
    await turn()
    newer = asyncio.create_task(engine.suggest(typed(LINE, "x"), explicit=False))

    call.cancel()
    await newer

    with pytest.raises(asyncio.CancelledError):
        await call


@pytest.mark.parametrize("error", [Unreachable("No connection"), UserError("Not allowed")])
async def test_an_error_becomes_a_reason(error: Exception) -> None:
    """What fails at the model is never raised to the editor, is not remembered, and is kept for the status."""
    engine, router, _ = build(["a", error], ["b"])

    answer = await engine.suggest(LINE, explicit=False)

    assert (answer.suggestions, answer.error) == ((), error)
    assert answer.reason in {"failed: unreachable", "failed: user_error"}
    assert router.closed == [True]
    assert (await engine.suggest(LINE, explicit=False)).suggestions[0].text == "b"


async def test_no_model() -> None:
    """Without a model nothing is asked, and the reason says so."""
    clock = Clock()
    engine = Engine(ScriptedRouter(clock, [()]), Settings(), clock, lambda _task: None)

    assert await engine.suggest(LINE, explicit=True) == Answer((), "no model")


async def test_local_only_reaches_the_router() -> None:
    """A workspace that keeps to this machine says so in the request."""
    engine, router, _ = build(["a"])

    await engine.suggest(LINE, explicit=False, allowed=Allowed(local_only=True))

    assert router.requests[0].local_only


async def test_stops_early_where_the_rest_is_thrown_away() -> None:
    """A request for one line hangs up behind that line, while the model would go on for ever."""
    engine, router, _ = build(["a + b", "\n", asyncio.Event()])

    answer = await engine.suggest(LINE, explicit=False)

    assert answer.suggestions[0].text == "a + b"
    assert router.closed == [True]


async def test_stops_early_at_the_end_of_the_block() -> None:
    """A block ends where its indentation ends; what follows is not waited for."""
    engine, router, _ = build(["return a", " + b\n\ndef other():\n", asyncio.Event()])

    answer = await engine.suggest(BLOCK, explicit=True)

    assert answer.suggestions[0].text == "return a + b"
    assert router.closed == [True]


async def test_an_endless_line_is_cut() -> None:
    """An endpoint that ignores the token limit is hung up on."""
    engine, router, _ = build([*("x" + str(n) for n in range(LONGEST_ANSWER)), asyncio.Event()])

    answer = await engine.suggest(LINE, explicit=True)

    assert len(answer.suggestions[0].text) < LONGEST_ANSWER + 10
    assert router.closed == [True]


async def test_patience() -> None:
    """A slow model's block is shown as far as its whole lines go, but its first line is waited for."""
    engine, _, _ = build([Wait(5), "x = 1", Wait(5), "\n    y = ", Wait(5), "2\n", asyncio.Event()])

    answer = await engine.suggest(BLOCK, explicit=False)

    assert answer.suggestions[0].text == "x = 1"


async def test_a_user_who_asked_is_patient() -> None:
    """An explicit request reads the answer to its end."""
    engine, _, _ = build([Wait(5), "x = 1", Wait(5), "\n    y = ", Wait(5), "2\n"])

    answer = await engine.suggest(BLOCK, explicit=True)

    assert answer.suggestions[0].text == "x = 1\n    y = 2"


async def test_debounce() -> None:
    """The first request does not wait; later ones wait a quarter of what the model took, an explicit one never."""
    engine, _, clock = build([Wait(0.4), "a"])

    await engine.suggest(LINE, explicit=False)
    await engine.suggest(typed(LINE, "x"), explicit=False)
    await engine.suggest(typed(LINE, "xy"), explicit=True)

    assert clock.slept == [pytest.approx(0.1)]


async def test_a_model_slower_than_the_typing_is_waited_for() -> None:
    """Where every request is superseded before it is answered, what it took until then is the measure."""
    engine, _, clock = build([asyncio.Event()], ["a"])
    older = asyncio.create_task(engine.suggest(LINE, explicit=False))
    await turn()
    clock.now += 0.8

    await engine.suggest(typed(LINE, "x"), explicit=True)
    await engine.suggest(typed(LINE, "xy"), explicit=False)

    assert (await older).reason == "superseded"
    assert clock.slept == [pytest.approx(0.2)]


async def test_superseded_while_waiting() -> None:
    """A keystroke during the wait means that nothing was asked at all."""
    clock = Clock()
    router = ScriptedRouter(clock, [[Wait(0.4), "a"]])
    for_ever = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        await for_ever.wait()

    engine = Engine(router, Settings(), clock, lambda _task: MODEL, sleep=sleep)
    await engine.suggest(LINE, explicit=False)
    older = asyncio.create_task(engine.suggest(typed(LINE, "x"), explicit=False))
    await turn()

    await engine.suggest(typed(LINE, "xy"), explicit=True)

    assert (await older).reason == "superseded"
    assert [request.prefix[-2:] for request in router.requests] == ["n ", "xy"]


async def test_typing_along_asks_nothing() -> None:
    """Each typed character that agrees leaves the rest of the suggestion, from memory."""
    engine, router, _ = build(["a + b"])
    await engine.suggest(LINE, explicit=False)

    for keys, rest in [("a", " + b"), ("a +", " b"), ("a + ", "b")]:
        answer = await engine.suggest(typed(LINE, keys), explicit=False)
        assert (answer.suggestions[0].text, answer.suggestions[0].id, answer.from_memory) == (rest, "request-0", True)
    assert len(router.requests) == 1


async def test_typing_something_else_asks_again() -> None:
    """A character that disagrees is a new question; deleting it brings the old answer back without one."""
    engine, router, _ = build(["a + b"], ["max(a, b)"])
    await engine.suggest(LINE, explicit=False)

    other = await engine.suggest(typed(LINE, "m"), explicit=False)
    back = await engine.suggest(LINE, explicit=False)

    assert (other.from_memory, back.from_memory) == (False, True)
    assert back.suggestions[0].text == "a + b"
    assert len(router.requests) == 2


async def test_typing_all_of_it_asks_again() -> None:
    """When everything was typed there is nothing left to serve."""
    engine, router, _ = build(["a"], ["\n"])
    await engine.suggest(LINE, explicit=False)
    await engine.suggest(typed(LINE, "a"), explicit=False)

    assert len(router.requests) == 2


async def test_typing_through_lines() -> None:
    """The rest of a block is served across line ends, the editor's own indentation included."""
    engine, router, _ = build(["if a:\n        return b\n    return a"])
    await engine.suggest(BLOCK, explicit=False)

    answer = await engine.suggest(typed(BLOCK, "if a:\n        re"), explicit=False)

    assert answer.suggestions[0].text == "turn b\n    return a"
    assert len(router.requests) == 1


async def test_typing_through_brackets_that_the_editor_closes() -> None:
    """The bracket that the editor adds is no reason to ask again, and does not stay behind."""
    engine, router, _ = build(["max(a, b)"])
    await engine.suggest(LINE, explicit=False)

    cursor = typed(LINE, "max(", closers=")")
    answer = await engine.suggest(cursor, explicit=False)

    assert drawn(cursor, answer.suggestions[0]) == "def add(a, b):\n    return max(║├a, b)┤\n"
    assert len(router.requests) == 1


async def test_typing_through_an_own_bracket() -> None:
    """Where the editor closes nothing, the bracket to the right is the outer one's and stays."""
    outer = cursor_at("print(║)\n")
    engine, _, _ = build(["max(a, b)"])
    await engine.suggest(outer, explicit=False)

    cursor = typed(outer, "max(")
    answer = await engine.suggest(cursor, explicit=False)

    assert accepted(cursor, answer.suggestions[0]) == "print(max(a, b))\n"


async def test_a_change_below_asks_again() -> None:
    """What stands below shaped the answer, so a change there makes it another question."""
    engine, router, _ = build(["a"])
    await engine.suggest(cursor_at("x = ║\ny"), explicit=False)
    await engine.suggest(cursor_at("x = ║\nz"), explicit=False)

    assert len(router.requests) == 2


async def test_another_model_is_asked_again() -> None:
    """The answer of one model is not passed off as another's."""
    models = [MODEL]
    clock = Clock()
    router = ScriptedRouter(clock, [["a"], ["b"]])
    engine = Engine(router, Settings(), clock, lambda _task: models[0])
    await engine.suggest(LINE, explicit=False)
    models[0] = type(MODEL)("custom:n", "N", "ollama", "http://127.0.0.1:1/v1", "n", None, "openai-completions")

    assert (await engine.suggest(LINE, explicit=False)).suggestions[0].text == "b"


async def test_an_empty_answer_is_remembered() -> None:
    """A model that had nothing to say is not asked the same again, unless the user asks."""
    engine, router, _ = build(["  "], ["a"])

    first = await engine.suggest(LINE, explicit=False)
    second = await engine.suggest(LINE, explicit=False)
    third = await engine.suggest(LINE, explicit=True)

    assert (first.reason, second.reason) == ("filter: blank", "filter: blank")
    assert second.from_memory
    assert third.suggestions[0].text == "a"
    assert len(router.requests) == 2


async def test_cut_by_length() -> None:
    """An answer that ran into its limit loses the line that was cut."""
    engine, _, _ = build(["x = 1\n    y = comp", FinishReason.LENGTH])

    assert (await engine.suggest(BLOCK, explicit=True)).suggestions[0].text == "x = 1"


async def test_forget() -> None:
    """A closed document loses its request and its answers."""
    engine, router, _ = build(["a"], [asyncio.Event()], ["b"])
    await engine.suggest(LINE, explicit=False)
    running = asyncio.create_task(engine.suggest(typed(LINE, "x"), explicit=False))
    await turn()

    engine.forget(LINE.uri)

    assert (await running).reason == "superseded"
    assert (await engine.suggest(LINE, explicit=False)).suggestions[0].text == "b"
    assert len(router.requests) == 3


async def test_close() -> None:
    """Closing the engine stops what runs and waits for it."""
    engine, router, _ = build([asyncio.Event()])
    running = asyncio.create_task(engine.suggest(LINE, explicit=False))
    await turn()

    await engine.aclose()

    assert router.closed == [True]
    assert (await running).reason == "superseded"


async def test_nothing_is_kept_of_what_is_over() -> None:
    """Thousands of keystrokes leave no more behind than the cache may hold."""
    engine, _, _ = build(["a"])
    cursor = cursor_at("x = ║")
    for n in range(300):
        await engine.suggest(typed(cursor, f"{n}_"), explicit=False)

    assert len(engine._flights) == 0
    assert len(engine._cache) == 64


async def test_typing_what_the_model_is_just_saying() -> None:
    """A key that agrees with the answer so far goes on listening; the model is not asked again."""
    go = asyncio.Event()
    engine, router, _ = build(["a +", go, " b"])
    older = asyncio.create_task(engine.suggest(LINE, explicit=False))
    await turn()
    newer = asyncio.create_task(engine.suggest(typed(LINE, "a"), explicit=False))
    await turn()
    go.set()

    assert (await newer).suggestions[0].text == " + b"
    assert (await older).suggestions[0].text == "a + b"
    assert len(router.requests) == 1


async def test_typing_along_outlives_the_cancelled_request() -> None:
    """An editor that cancels its older request just before the newer one does not stop what the newer one needs."""
    go = asyncio.Event()
    engine, router, _ = build(["a +", go, " b"])
    older = asyncio.create_task(engine.suggest(LINE, explicit=False))
    await turn()
    older.cancel()
    newer = asyncio.create_task(engine.suggest(typed(LINE, "a"), explicit=False))
    await turn()
    go.set()

    assert (await newer).suggestions[0].text == " + b"
    assert len(router.requests) == 1


async def test_an_answer_that_goes_another_way() -> None:
    """Where the model says something else than the user types after all, it is asked again from there."""
    go = asyncio.Event()
    engine, router, _ = build(["a\n\n\n", go, "x" * 9], ["b"])
    older = asyncio.create_task(engine.suggest(BLOCK, explicit=True))
    await turn()
    newer = asyncio.create_task(engine.suggest(typed(BLOCK, "a\n\n"), explicit=True))
    await turn()
    go.set()

    await older
    assert (await newer).suggestions[0].text == "b"
    assert len(router.requests) == 2


async def test_two_cursors_of_one_version() -> None:
    """Two places of the same version of a document are two questions, and both are answered."""
    go = asyncio.Event()
    engine, router, _ = build([go, "one"], ["two"])
    first = asyncio.create_task(engine.suggest(LINE, explicit=False))
    await turn()
    elsewhere = replace(cursor_at("x = 1\ny = ║", path=LINE.path), version=LINE.version)
    second = await engine.suggest(elsewhere, explicit=False)
    go.set()

    assert second.suggestions[0].text == "two"
    assert (await first).suggestions[0].text == "one"
    assert len(router.requests) == 2


async def test_two_cursors_typing_along() -> None:
    """A question that one cursor goes on listening to, a version later, is not ended by the other cursor's question."""
    go = asyncio.Event()
    engine, router, _ = build(["a +", go, " b"], ["two"])
    first = asyncio.create_task(engine.suggest(LINE, explicit=False))
    await turn()
    along = asyncio.create_task(engine.suggest(typed(LINE, "a"), explicit=False))
    await turn()
    elsewhere = replace(cursor_at("x = 1\ny = ║", path=LINE.path), version=LINE.version + 1)
    assert (await engine.suggest(elsewhere, explicit=False)).suggestions[0].text == "two"
    go.set()

    assert (await along).suggestions[0].text == " + b"
    await first
    assert len(router.requests) == 2


async def test_a_user_who_asks_may_choose() -> None:
    """Several different suggestions, the model's best first; a repeated one counts once."""
    engine, router, _ = build(["a"], ["b"], ["a"], settings=Settings(candidates=3))

    answer = await engine.suggest(LINE, explicit=True)

    assert [suggestion.text for suggestion in answer.suggestions] == ["a", "b"]
    assert router.requests[0].temperature == 0
    assert len({request.temperature for request in router.requests}) == 3


async def test_nobody_waits_for_the_other_candidates() -> None:
    """A candidate that does not come is stopped, and the first one is shown without it."""
    engine, router, _ = build(["a"], [asyncio.Event()], settings=Settings(candidates=2))

    answer = await engine.suggest(LINE, explicit=True)

    assert [suggestion.text for suggestion in answer.suggestions] == ["a"]
    await until(lambda: router.closed == [True, True])


async def test_cancelling_stops_every_candidate() -> None:
    """One cancelled request leaves no model at work."""
    engine, router, _ = build([asyncio.Event()], [asyncio.Event()], settings=Settings(candidates=2))
    call = asyncio.create_task(engine.suggest(LINE, explicit=True))
    await turn()
    await turn()

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await engine.aclose()

    assert router.closed == [True, True]


async def test_the_next_suggestion_is_fetched_ahead() -> None:
    """While a suggestion stands there, an idle model is asked for what comes after it; accepting it asks nothing."""
    engine, router, _ = build(["a + b"], ["\n"], fetches_ahead=True)
    await engine.suggest(LINE, explicit=False)
    await turn()
    await turn()

    assert router.requests[1].prefix == LINE.before + "a + b"
    after = await engine.suggest(typed(LINE, "a + b"), explicit=False)
    assert after.from_memory
    assert len(router.requests) == 2


async def test_what_is_fetched_ahead_gives_way() -> None:
    """A key that types something else ends the question that nobody has asked."""
    engine, router, _ = build(["a + b"], [asyncio.Event()], ["m"], fetches_ahead=True)
    await engine.suggest(LINE, explicit=False)
    await turn()
    await turn()

    answer = await engine.suggest(typed(LINE, "x"), explicit=False)

    assert answer.suggestions[0].text == "m"
    assert router.closed[1]
    await engine.aclose()


async def test_typing_through_keeps_what_is_fetched_ahead() -> None:
    """The end of a suggestion is the same place, whether it was typed or accepted."""
    go = asyncio.Event()
    engine, router, _ = build(["a + b"], [go, " + c"], fetches_ahead=True)
    await engine.suggest(LINE, explicit=False)
    await turn()
    await turn()
    await engine.suggest(typed(LINE, "a"), explicit=False)
    end = asyncio.create_task(engine.suggest(typed(LINE, "a + b"), explicit=False))
    await turn()
    go.set()

    assert (await end).suggestions[0].text == " + c"
    assert router.requests[1].prefix == LINE.before + "a + b"
    await engine.aclose()


class Shelf:
    """A context of one snippet."""

    number = 0

    def state(self, _uri: str) -> int:
        """Set by the test."""
        return self.number

    def relative(self, path: str) -> str:
        """Without the folder."""
        return path.removeprefix("/src/")

    async def gather(self, _cursor: Cursor, _window: Window, _tokens: int) -> Nothing:
        """Always the same."""
        snippet = Snippet("shop/order.py", "class Order: ...\n", 4, "definitions", "Order, imported in line 1", 1.0)
        return Nothing((snippet,), (("search", "took longer than 50 ms"),))


async def test_context_reaches_the_model() -> None:
    """What was gathered goes out with the request; when the context changes, the old answer is no answer any more."""
    shelf = Shelf()
    engine, router, _ = build(["a"], ["b"], context=shelf)
    first = await engine.suggest(LINE, explicit=False)
    shelf.number = 1
    second = await engine.suggest(LINE, explicit=False)

    assert [snippet.path for snippet in router.requests[0].snippets] == ["shop/order.py"]
    assert router.requests[0].path == "example"
    assert (first.suggestions[0].text, second.suggestions[0].text) == ("a", "b")


async def test_what_changes_elsewhere_meanwhile_takes_no_answer_away() -> None:
    """An answer that was waited for is shown even if another document was opened in the meantime."""
    shelf, go = Shelf(), asyncio.Event()
    engine, _, _ = build([go, "a"], context=shelf)
    asking = asyncio.create_task(engine.suggest(LINE, explicit=False))
    await turn()
    shelf.number = 1
    go.set()

    assert (await asking).suggestions[0].text == "a"


async def test_the_cells_above_are_shown() -> None:
    """A notebook's cell is completed with the code of the cells above before its own."""
    engine, router, _ = build(["a"])
    cell = replace(cursor_at("x = ║"), preamble="import os\n")

    await engine.suggest(cell, explicit=False)

    assert router.requests[0].prefix == "import os\nx = "


async def test_why_this_suggestion() -> None:
    """The story of an answer names the model, what it was shown, what it said, and what each filter took."""
    engine, _, _ = build(["```python\na + b\n```"], context=Shelf())
    await engine.suggest(LINE, explicit=False)

    told = engine.last(LINE.uri)
    assert told is not None
    story = "\n".join(explain(told))
    assert "# custom:m suggests" in story
    assert "`shop/order.py` from line 5" in story
    assert "definitions: Order, imported in line 1" in story
    assert "nothing from search: took longer than 50 ms" in story
    assert "fences" in story.rpartition("Filters:")[2]


async def test_why_no_suggestion() -> None:
    """An empty answer's story begins with the reason; a superseded request does not hide it."""
    engine, _, _ = build(["  "], [asyncio.Event()])
    await engine.suggest(LINE, explicit=False)
    superseded = asyncio.create_task(engine.suggest(typed(LINE, "x"), explicit=False))
    await turn()
    await engine.suggest(replace(typed(LINE, "xyz"), after="word\n"), explicit=False)
    await superseded

    told = engine.last(LINE.uri)
    assert told is not None
    assert explain(told)[0] == "# No suggestion: middle of a word"


async def test_a_superseded_choice_shows_nothing() -> None:
    """The user typed on while several suggestions were asked for: none of them is shown, though one had come."""
    engine, _, _ = build([asyncio.Event()], ["b"], ["newer"], settings=Settings(candidates=2))
    older = asyncio.create_task(engine.suggest(LINE, explicit=True))
    await turn()

    newer = await engine.suggest(typed(LINE, "x"), explicit=False)

    assert (await older).reason == "superseded"
    assert newer.suggestions[0].text == "newer"


async def test_a_key_stops_every_candidate() -> None:
    """Further answers that are still waited for are stopped at the model by the next key, like the first one."""
    engine, router, _ = build(["a"], [asyncio.Event()], ["newer"], settings=Settings(candidates=2))
    older = asyncio.create_task(engine.suggest(LINE, explicit=True))
    await turn()

    await engine.suggest(typed(LINE, "x"), explicit=False)
    await turn()

    assert router.closed == [True, True, True]
    await older


async def test_another_model_joins_nothing() -> None:
    """A user who selects another model while one is answering gets the other one's answer."""
    go, clock, models = asyncio.Event(), Clock(), [MODEL]
    router = ScriptedRouter(clock, [[go, "a"], ["b"]])
    engine = Engine(router, Settings(), clock, lambda _task: models[0])
    older = asyncio.create_task(engine.suggest(LINE, explicit=False))
    await turn()
    models[0] = replace(MODEL, id="custom:n")

    assert (await engine.suggest(LINE, explicit=False)).suggestions[0].text == "b"
    assert (await older).reason == "superseded"


async def test_local_only_joins_nothing_that_may_leave() -> None:
    """A workspace that has just become local-only ends what may leave this machine, and asks anew."""
    engine, router, _ = build([asyncio.Event()], ["b"])
    older = asyncio.create_task(engine.suggest(LINE, explicit=False))
    await turn()

    await engine.suggest(LINE, explicit=False, allowed=Allowed(local_only=True))

    assert (await older).reason == "superseded"
    assert [request.local_only for request in router.requests] == [False, True]
    assert router.closed == [True, True]


async def test_a_user_who_asks_waits_for_no_delay() -> None:
    """Not even where the same question is waiting for the next key already."""
    clock, for_ever = Clock(), asyncio.Event()
    router = ScriptedRouter(clock, [[Wait(0.4), "a"]])

    async def sleep(_seconds: float) -> None:
        await for_ever.wait()

    engine = Engine(router, Settings(), clock, lambda _task: MODEL, sleep=sleep)
    await engine.suggest(LINE, explicit=False)
    waiting = asyncio.create_task(engine.suggest(typed(LINE, "x"), explicit=False))
    await turn()

    assert (await engine.suggest(typed(LINE, "x"), explicit=True)).suggestions
    assert (await waiting).reason == "superseded"


async def test_a_user_who_asks_meanwhile_is_patient() -> None:
    """A block that comes slowly is read to its end as soon as the user asks for it."""
    go = asyncio.Event()
    engine, router, _ = build(["x = 1\n", go, Wait(5), "    y = 2\n", "    z = 3\n"])
    paused = asyncio.create_task(engine.suggest(BLOCK, explicit=False))
    await turn()
    asked = asyncio.create_task(engine.suggest(BLOCK, explicit=True))
    await turn()
    go.set()

    assert (await asked).suggestions[0].text.endswith("z = 3")
    await paused
    assert len(router.requests) == 1


async def test_a_defect_costs_one_suggestion(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever breaks, in a question or in a filter: the answer is empty, and the log has one line without code."""
    engine, _, _ = build([ValueError("secret code")], ["a"])

    assert (await engine.suggest(LINE, explicit=False)).reason == "failed: internal"
    monkeypatch.setattr("beastmode.completion.engine.retyped", None)
    for _ in range(2):
        assert (await engine.suggest(LINE, explicit=False)).reason == "failed: internal"

    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert "ValueError in stream" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(("says", "most"), [("\n", MOST_BLANK_LINES), ("x_{} = 1\n    ", MOST_LINES)])
async def test_a_model_without_an_end(says: str, most: int) -> None:
    """A model that only begins new lines, or counts, is hung up on before its filters take seconds."""
    engine, router, _ = build([*(says.format(number) for number in range(1000)), asyncio.Event()])

    answer = await engine.suggest(BLOCK, explicit=True)

    assert answer.asked is not None
    assert answer.asked.said.count("\n") == most + 1
    assert router.closed == [True]
