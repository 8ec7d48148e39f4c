"""The page as a browser shows it: offline, complete, moved by its controls, on any screen."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from browser import chromium, tab
from made_rows import MILESTONES, ONE_SEED, PAPER, PLAIN, SMALL, made_rows

from ontogeny.page.document import vega, write_page
from ontogeny.page.panels import Section, default_panels
from ontogeny.planning.page import RUNS, section_of
from ontogeny.results.claims import CLAIM_COLUMNS, Claim, Estimate, evaluate
from ontogeny.studies import STUDIES

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("page")]

# Any further study, by what its tables say of themselves.
FURTHER = Section("further", "Further", "", default_panels([PLAIN]), {})
TIMELINE = Section("timeline", "Timeline", "", default_panels([MILESTONES]), {})
SECTIONS = [TIMELINE, RUNS, *map(section_of, STUDIES), FURTHER]
PHONE = {"width": 390, "height": 844, "phone": True}


def claims():
    declared = [
        Claim(
            f"{study.name}.{n}", study.name, "It rises.", "Someone", "slope", way, 0.0, lambda e: e
        )
        for study in STUDIES
        for n, way in enumerate(("above", "below"))
    ]
    return evaluate(declared, {("first", "corpus a"): Estimate(1.0, 0.5, 2.0, 2)}, "toy")


def written(path, sections=SECTIONS, runs=SMALL, ledger=None):
    write_page(
        [replace(part, figures={f"../figures/{part.name}/a.svg": "a"}) for part in sections],
        lambda panel: made_rows(panel, runs),
        claims() if ledger is None else ledger,
        path,
        {},
    )
    return path


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return written(tmp_path_factory.mktemp("page") / "index.html")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if chromium() is None:
        pytest.skip("no Chromium here; tests/page/install.sh installs one")
    with tab(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def scenes(browser):
    """What is drawn in each panel, as svg. The names of gradients count what was drawn before."""
    drawn = browser.run(
        "Promise.all(ontogeny.panels.map(async p => [p.id, await p.view.toSVG()]))"
        ".then(Object.fromEntries)"
    )
    return {name: re.sub(r"gradient_\d+", "gradient", svg) for name, svg in drawn.items()}


def show(browser, page):
    """Show the page as it opens: on a large screen, with its first choices."""
    if browser.shown != page:
        browser.open(page)
        return
    browser.run(
        "for (const id of ['run', 'seed', 'task']) document.getElementById(id).selectedIndex = 0;"
        "document.getElementById('step').value = ontogeny.steps.length - 1;"
        "for (const id of ['run', 'seed', 'task'])"
        " document.getElementById(id).dispatchEvent(new Event('change'));"
        "document.querySelector('#further-1 .choices select').selectedIndex = 0;"
        "document.querySelector('#further-1 .choices select').dispatchEvent(new Event('change'));"
        "document.querySelectorAll('.filter input:not(:checked)').forEach(box => box.click());"
    )
    choose(browser, "step", browser.run("ontogeny.steps.length - 1"))


def choose(browser, control, value):
    """Choose as a reader does, and wait until all is drawn."""
    browser.run(
        f"(() => {{ const control = document.getElementById('{control}');"
        f" control.value = '{value}';"
        f" control.dispatchEvent(new Event(control.type === 'range' ? 'input' : 'change')); }})()"
    )
    browser.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    browser.run("ontogeny.drawn")


def test_it_opens_offline_without_a_complaint_and_asks_for_nothing(browser, page):
    browser.open(page)
    assert browser.complaints == []
    assert browser.run("ontogeny.errors") == []
    assert set(browser.requests) <= {page.absolute().as_uri(), "data:,"}


def test_it_adds_one_name_to_the_browsers_own(browser, page, tmp_path):
    blank = tmp_path / "blank.html"
    blank.write_text("<script>window.ontogeny = {ready: true}</script>", encoding="utf-8")
    browser.open(blank)
    own = browser.run("Object.getOwnPropertyNames(window)")
    browser.open(page)
    added = set(browser.run("Object.getOwnPropertyNames(window)")) - set(own)
    assert added == {"vegaEmbed"}
    first = re.match(r"(?:const|let|function) (\w+)", vega())
    assert browser.run(f"typeof {first[1]}") == "undefined"


def test_every_study_is_shown_with_all_its_panels(browser, page):
    show(browser, page)
    drawn = scenes(browser)
    for section in SECTIONS:
        assert browser.run(f"document.querySelector('#{section.name} h2').offsetHeight") > 0
        assert browser.run(f"document.querySelectorAll('#{section.name} .figures a').length") == 1
        for place in range(1, len(section.panels) + 1):
            assert drawn[f"{section.name}-{place}"].count("<path") > 10


def test_the_slider_moves_every_panel(browser, page):
    show(browser, page)
    after = scenes(browser)
    choose(browser, "step", 0)
    before = scenes(browser)
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] == after[name]] == []
    choose(browser, "step", browser.run("ontogeny.steps.length - 1"))
    assert scenes(browser) == after


def test_the_slider_stands_at_the_last_checkpoint_that_each_panel_has_by_then(browser, page):
    show(browser, page)
    choose(browser, "run", "second")
    choose(browser, "step", browser.run("ontogeny.steps.indexOf(100)"))
    steps = browser.run("ontogeny.panels.map(p => [p.kind, p.view.signal('step')])")
    assert {step for kind, step in steps if kind != "timeline"} <= {30, 100}
    assert browser.run("document.getElementById('clock').textContent") == "100"


@pytest.mark.parametrize(("control", "value"), [("run", "second"), ("seed", "1")])
def test_a_run_or_a_seed_is_chosen_for_all_panels(browser, page, control, value):
    show(browser, page)
    before = scenes(browser)
    choose(browser, control, value)
    after = scenes(browser)
    without_runs = {"strategies-1", "strategies-2"} if control == "run" else set()
    assert {name for name in before if before[name] == after[name]} == without_runs


def test_a_task_is_chosen_for_the_panels_that_have_tasks(browser, page):
    show(browser, page)
    before = scenes(browser)
    choose(browser, "task", "xpos")
    after = scenes(browser)
    with_tasks = {
        f"{section.name}-{place}"
        for section in SECTIONS
        for place, panel in enumerate(section.panels, start=1)
        if panel.task
    }
    assert {name for name in before if before[name] != after[name]} == with_tasks


def test_one_seed_shows_that_seeds_numbers(browser, page):
    show(browser, page)
    choose(browser, "seed", "1")
    seeds = browser.run("[...new Set(ontogeny.panels[1].view.data('rows').map(row => row.seed))]")
    assert seeds == [1]


def test_a_choice_of_a_panels_own_changes_that_panel_alone(browser, page):
    show(browser, page)
    before = scenes(browser)
    browser.run(
        "(() => { const select = document.querySelector('#further-1 .choices select');"
        " select.value = 'weight'; select.dispatchEvent(new Event('change')); })()"
    )
    browser.run("ontogeny.drawn")
    after = scenes(browser)
    assert {name for name in before if before[name] != after[name]} == {"further-1"}
    assert browser.run("document.querySelector('#further-1 .unit').textContent") == "weight (kg)"


def test_hovering_shows_the_value(browser, page):
    show(browser, page)
    x, y = browser.run(
        "(() => { const at = document.querySelector('#runs-1 canvas'); at.scrollIntoView({block:"
        " 'center'}); const view = ontogeny.panels.find(p => p.id === 'runs-1').view;"
        " const row = view.data('rows').at(-1), box = at.getBoundingClientRect();"
        " const pad = view.padding(), x = box.x + pad.left, y = box.y + pad.top;"
        " const [left, top] = view.origin(), rows = view.data('rows').filter(other =>"
        " other.step === row.step && other.series === row.series);"
        " const mean = rows.reduce((sum, other) => sum + other.value, 0) / rows.length;"
        " return [x + left + view.scale('x')(row.step), y + top + view.scale('y')(mean)];"
        " })()"
    )
    for away in (3, 2, 1, 0):
        browser.point(x - away, y)
    text = browser.run(
        "new Promise(done => setTimeout(() => done(document.querySelector("
        "'#vg-tooltip-element')?.textContent ?? ''), 500))"
    )
    assert "step1,000" in text.replace(" ", "")
    assert "lowest seed" in text


def test_it_reads_on_a_phone(browser, page):
    browser.open(page, **PHONE)
    assert browser.run("document.documentElement.scrollWidth") == PHONE["width"]
    assert browser.complaints == []
    widths = browser.run("[...document.querySelectorAll('.chart')].map(c => c.offsetWidth)")
    assert min(widths) > 300
    browser.run("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert browser.run("document.documentElement.scrollWidth") == PHONE["width"]


def test_the_ledger_shows_the_verdicts_that_are_asked_for(browser, page):
    show(browser, page)
    shown = "document.querySelectorAll('.ledger tbody tr:not([hidden])').length"
    assert browser.run(shown) == 2 * len(STUDIES)
    browser.run("document.querySelector('.tally [data-verdict=replicated]').click()")
    assert browser.run(shown) == len(STUDIES)


def test_a_claim_that_the_tier_can_not_decide_says_so_and_why(browser, tmp_path):
    declared = [
        Claim(f"x.{n}", "x", "It rises.", "Someone", "slope", "above", 0.0, lambda e: e, seeds=3)
        for n in range(2)
    ]
    ledger = pd.concat(
        evaluate([claim], {("first", ""): Estimate(1.0, 0.5, 2.0, seeds)}, "toy")
        for claim, seeds in zip(declared, (2, 3), strict=True)
    )
    browser.open(written(tmp_path / "index.html", [], ledger=ledger))
    browser.run("document.querySelector('details.claims').open = true")
    rows = browser.run("[...document.querySelectorAll('.ledger tbody tr')].map(r => r.innerText)")
    said = "The toy tier can't decide it: it has 2 seeds of the 3 it needs."
    assert [said in row for row in rows] == [True, False]
    assert "can't decide" not in rows[1]


def test_one_seed_one_study_and_no_claims_are_a_page_as_well(browser, tmp_path):
    none = pd.DataFrame(columns=[column.name for column in CLAIM_COLUMNS])
    browser.open(written(tmp_path / "index.html", SECTIONS[2:3], ONE_SEED, none))
    assert browser.complaints == []
    assert all(scene.count("<path") > 5 for scene in scenes(browser).values())
    assert "No claim was tested" in browser.run("document.getElementById('claims').textContent")


def test_empty_tables_leave_an_empty_panel_that_says_so(browser, tmp_path):
    path = tmp_path / "index.html"
    write_page(SECTIONS, lambda panel: made_rows(panel).iloc[:0], claims(), path, {})
    browser.open(path)
    assert browser.complaints == []
    notes = browser.run("[...document.querySelectorAll('.panel .note')].map(n => n.textContent)")
    assert notes == ["Its table has no rows of this."] * sum(len(s.panels) for s in SECTIONS)


def test_a_study_without_rows_leaves_the_others_as_they_are(browser, page, tmp_path):
    show(browser, page)
    whole = scenes(browser)
    path = tmp_path / "index.html"
    empty = {panel.table.name for panel in section_of(STUDIES[0]).panels}
    write_page(
        SECTIONS,
        lambda panel: made_rows(panel).iloc[: 0 if panel.table.name in empty else None],
        claims(),
        path,
        {},
    )
    browser.open(path)
    assert browser.complaints == []
    left = scenes(browser)
    assert left.keys() == {name for name in whole if not name.startswith(f"{STUDIES[0].name}-")}
    choose(browser, "step", 0)
    moved = scenes(browser)
    assert all(moved[name] != left[name] for name in left)


def test_it_opens_with_the_run_that_most_panels_have(browser, tmp_path):
    rare = {"a rare run": ([0], [0, 10, 100], 2)}
    path = tmp_path / "index.html"
    write_page(
        SECTIONS,
        lambda panel: made_rows(panel, rare | SMALL if panel.table is PLAIN else SMALL),
        claims(),
        path,
        {},
    )
    browser.open(path)
    assert browser.run("document.getElementById('run').value") == "first"


def test_milestones_are_drawn_where_no_interval_is_known(browser, tmp_path):
    path = tmp_path / "index.html"
    write_page(
        [TIMELINE],
        lambda panel: made_rows(panel).assign(low=np.nan, high=np.nan),
        claims(),
        path,
        {},
    )
    browser.open(path)
    assert browser.complaints == []
    assert scenes(browser)["timeline-1"].count("<path") > 5


def test_a_timeline_is_as_high_as_the_milestones_of_the_chosen_run(browser, tmp_path):
    path = tmp_path / "index.html"

    def read(panel):
        rows = made_rows(panel)
        more = [rows.assign(milestone=f"milestone {n}").query("run == 'second'") for n in range(20)]
        return pd.concat([rows, *more], ignore_index=True)

    write_page([TIMELINE], read, claims(), path, {})
    browser.open(path)
    choose(browser, "run", "first")
    few = browser.run("ontogeny.panels[0].view.height()")
    choose(browser, "run", "second")
    assert browser.run("ontogeny.panels[0].view.height()") == few + 20 * few / 3


def test_no_study_at_all_is_a_page(browser, tmp_path):
    browser.open(written(tmp_path / "index.html", []))
    assert browser.complaints == []


def test_the_same_tables_in_any_order_give_the_same_bytes(page, tmp_path):
    again = tmp_path / "index.html"
    shuffled = {}
    for part in SECTIONS:
        for panel in part.panels:
            shuffled[id(panel)] = made_rows(panel).sample(frac=1, random_state=1)
    sections = [replace(part, figures={f"../figures/{part.name}/a.svg": "a"}) for part in SECTIONS]
    write_page(sections, lambda panel: shuffled[id(panel)], claims(), again, {})
    assert again.read_bytes() == page.read_bytes()


def test_of_tables_of_the_paper_tier_it_stays_below_ten_megabytes(browser, tmp_path):
    path = written(tmp_path / "index.html", runs=PAPER)
    assert path.stat().st_size < 10e6
    browser.open(path)
    assert browser.complaints == []
    choose(browser, "run", "pythia-410m")
    layers = browser.run(
        "new Set(ontogeny.panels.find(p => p.id === 'pushdown-1').view.data('rows')"
        ".map(row => row.series)).size"
    )
    assert layers == 25
    assert np.all(browser.run("ontogeny.errors.length") == 0)
