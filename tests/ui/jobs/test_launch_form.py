"""The form that starts a training finds a recipe among many."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QSpinBox,
    QStyleOptionComboBox,
    QTreeWidget,
    QTreeWidgetItem,
)
from pytestqt.qtbot import QtBot

from avvp_studio.domain.job import Recipe, TrainingRequest
from avvp_studio.ui.jobs.launch_form import LaunchForm
from avvp_studio.ui.jobs.pseudo_labels_field import PseudoLabelsField
from avvp_studio.ui.jobs.recipe_names import group_title, short_title
from avvp_studio.ui.jobs.recipe_tree import RecipeTree

BUILT_IN = ("signal-audio", "signal-visual")
CLAP = ("clap", "clip")
NUMBERS = (66.1, 69.9, 61.7, 65.9, 65.4, 54.5, 66.6, 53.5, 58.2, 54.3)
ONLY_AV = (None, None, 41.8, None, None, None, None, 47.4, None, None)
RECIPES = (  # in the order of their names, as the trainer lists them
    Recipe("coleaf/signal", "CoLeaF, small", BUILT_IN),
    Recipe("ear/signal", "EAR, small", BUILT_IN, labels="pseudo"),
    Recipe("ecma/llp/coleaf-dagger", "No teacher and no pairs", CLAP, "E-CMANet, Table 3, row 1", NUMBERS, 10),
    Recipe("ecma/llp/full", "The whole method", CLAP, "E-CMANet, Table 1", NUMBERS, 10),
    Recipe("ecma/signal", "E-CMANet, small", BUILT_IN, epochs=40),
    *(Recipe(f"ecma/sweep/period-{n}", f"Masks anew every {n} epochs", CLAP) for n in (1, 10, 2)),
    *(Recipe(f"ecma/sweep/tau-{n / 100}", "Threshold", CLAP) for n in range(10, 20)),
    Recipe("ecma/unav/full", "E-CMANet on UnAV-100", ("vggish", "i3d"), "E-CMANet, Table 2, row 1", ONLY_AV),
    Recipe("han/llp/clip", "HAN", CLAP),
    Recipe("han/llp/vggish", "HAN", ("vggish", "res152")),
    Recipe("han/signal", "HAN, small", BUILT_IN),
)


def make(
    qtbot: QtBot,
    *features: str,
    recipes: tuple[Recipe, ...] = RECIPES,
    parses: Mapping[str, Path] | None = None,
) -> LaunchForm:
    """The form of a project that has some feature sets besides the built-in ones."""
    lacking = {
        recipe.name: tuple(name for name in recipe.features if name not in (*features, *BUILT_IN))
        for recipe in recipes
    }
    form = LaunchForm(recipes, "12 clips were labelled by hand.", lacking=lacking, parses=parses)
    qtbot.addWidget(form)
    form.show()
    form.activateWindow()
    qtbot.waitUntil(form.isActiveWindow)
    return form


def tree(form: LaunchForm) -> QTreeWidget:
    found = form.findChild(QTreeWidget)
    assert found is not None
    return found


def groups(form: LaunchForm) -> dict[str, QTreeWidgetItem]:
    root = tree(form).invisibleRootItem()
    found = [root.child(i) for i in range(root.childCount())]
    return {group.text(0): group for group in found if not group.isHidden()}


def rows(group: QTreeWidgetItem) -> list[str]:
    children = [group.child(i) for i in range(group.childCount())]
    return [child.text(0) for child in children if not child.isHidden()]


def said(form: LaunchForm) -> list[str]:
    return [label.text() for label in form.findChildren(QLabel) if label.isVisible()]


def search(qtbot: QtBot, form: LaunchForm, text: str) -> QLineEdit:
    field = form.findChild(RecipeTree).findChild(QLineEdit)
    field.clear()
    qtbot.keyClicks(field, text)
    return field


def chosen(form: LaunchForm) -> str:
    return form.request().recipe.name


def place(form: LaunchForm, name: str) -> int:
    return [recipe.name for recipe in RECIPES].index(name)


def test_the_recipe_for_small_projects_is_chosen_at_first(qtbot: QtBot) -> None:
    for features in ((), ("clap", "clip", "vggish", "i3d", "res152")):
        form = make(qtbot, *features)
        assert (chosen(form), form.can_start) == ("ecma/signal", True)


def test_recipes_that_can_be_trained_come_first_and_lie_open(qtbot: QtBot) -> None:
    form = make(qtbot)
    found = groups(form)
    assert list(found) == [
        "Built-in features, for small projects (4)",
        "E-CMANet on LLP (2)",
        "HAN on LLP (2)",
        "E-CMANet on LLP: sweeps (13)",
        "UnAV-100 (1)",
    ]
    assert [group.isExpanded() for group in found.values()] == [True, False, False, False, False]


def test_a_group_is_divided_where_only_some_of_it_can_be_trained(qtbot: QtBot) -> None:
    form = make(qtbot, "clap", "clip")
    found = groups(form)
    assert [title for title in found if title.startswith("HAN")] == ["HAN on LLP (1)"]
    names = form.findChild(RecipeTree).names
    assert names.index("han/llp/clip") < names.index("ecma/unav/full") < len(names)
    assert names.index("ecma/sweep/tau-0.1") < names.index("han/llp/vggish")


def test_a_long_group_is_closed_at_first(qtbot: QtBot) -> None:
    form = make(qtbot, "clap", "clip")
    found = groups(form)
    assert found["E-CMANet on LLP (2)"].isExpanded()
    assert not found["E-CMANet on LLP: sweeps (13)"].isExpanded()


def test_within_a_group_the_whole_method_comes_first_and_numbers_count(qtbot: QtBot) -> None:
    form = make(qtbot)
    found = groups(form)
    assert rows(found["E-CMANet on LLP (2)"]) == ["full", "coleaf-dagger"]
    assert rows(found["E-CMANet on LLP: sweeps (13)"])[:3] == ["period-1", "period-2", "period-10"]
    assert rows(found["Built-in features, for small projects (4)"]) == ["E-CMANet", "CoLeaF", "HAN", "EAR"]


@pytest.mark.parametrize(
    ("name", "group", "title"),
    [
        ("ecma/llp/no-cma", "E-CMANet on LLP", "no-cma"),
        ("coleaf/signal", "Built-in features, for small projects", "CoLeaF"),
        ("ecma/unav/full", "UnAV-100", "E-CMANet full"),
        ("han/unav", "UnAV-100", "HAN"),
        ("new/ave/full", "new ave", "full"),
        ("own", "own", "own"),
    ],
)
def test_a_recipe_is_named_by_its_group_and_what_is_its_own(name: str, group: str, title: str) -> None:
    assert (group_title(name), short_title(name)) == (group, title)


def test_every_word_of_a_search_must_be_found_in_name_summary_source_or_features(qtbot: QtBot) -> None:
    form = make(qtbot)
    search(qtbot, form, "Table 3")
    assert form.findChild(RecipeTree).names == ("ecma/llp/coleaf-dagger",)
    assert list(groups(form)) == ["E-CMANet on LLP (1)"]
    assert groups(form)["E-CMANet on LLP (1)"].isExpanded()
    search(qtbot, form, "han clap")
    assert form.findChild(RecipeTree).names == ("han/llp/clip",)
    search(qtbot, form, "unav-100")
    assert form.findChild(RecipeTree).names == ("ecma/unav/full",)


def test_a_search_chooses_what_it_found_unless_the_choice_is_among_it(qtbot: QtBot) -> None:
    form = make(qtbot, "clap", "clip")
    search(qtbot, form, "small")
    assert chosen(form) == "ecma/signal"
    search(qtbot, form, "period-10")
    assert (chosen(form), form.can_start) == ("ecma/sweep/period-10", True)


def test_a_search_without_results_says_so_and_keeps_the_choice(qtbot: QtBot) -> None:
    form = make(qtbot)
    field = search(qtbot, form, "zebra")
    assert "No recipe matches this search." in said(form)
    assert chosen(form) == "ecma/signal"
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert "No recipe matches this search." not in said(form)
    assert form.isVisible()
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert not form.isVisible()


def test_enter_in_the_search_goes_to_the_list_and_starts_nothing(qtbot: QtBot) -> None:
    form = make(qtbot)
    with qtbot.assertNotEmitted(form.submitted):
        qtbot.keyClick(search(qtbot, form, "han small"), Qt.Key.Key_Return)
    assert form.isVisible()
    with qtbot.waitSignal(form.submitted) as blocker:
        qtbot.keyClick(tree(form), Qt.Key.Key_Return)
    assert blocker.args[0].recipe.name == "han/signal"


def test_the_arrow_keys_choose_recipes_and_open_groups(qtbot: QtBot) -> None:
    form = make(qtbot)
    listed = tree(form)
    qtbot.keyClick(form.findChild(RecipeTree).findChild(QLineEdit), Qt.Key.Key_Down)
    qtbot.keyClick(listed, Qt.Key.Key_Down)
    assert chosen(form) == "coleaf/signal"
    for _ in range(3):
        qtbot.keyClick(listed, Qt.Key.Key_Down)  # HAN, EAR, then the next group, which is no choice
    assert chosen(form) == "ear/signal"
    qtbot.keyClick(listed, Qt.Key.Key_Right)
    qtbot.keyClick(listed, Qt.Key.Key_Down)
    assert (chosen(form), form.can_start) == ("ecma/llp/full", False)


def test_a_click_on_a_group_opens_it_and_leaves_the_choice(qtbot: QtBot) -> None:
    form = make(qtbot)
    listed, group = tree(form), groups(form)["HAN on LLP (2)"]
    middle: QPoint = listed.visualItemRect(group).center()
    qtbot.mouseClick(listed.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    assert group.isExpanded()
    assert chosen(form) == "ecma/signal"
    qtbot.mouseClick(listed.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    assert not group.isExpanded()


def test_a_recipe_that_lacks_features_is_shown_with_them_and_cannot_be_started(qtbot: QtBot) -> None:
    form = make(qtbot, "vggish")
    form.choose(place(form, "han/llp/vggish"))
    assert not form.can_start
    assert any("Lacks the features res152:" in text for text in said(form))
    form.choose(place(form, "han/signal"))
    assert form.can_start
    assert not any("Lacks" in text for text in said(form))


def test_source_and_published_numbers_are_shown_where_the_paper_prints_them(qtbot: QtBot) -> None:
    form = make(qtbot)
    form.choose(place(form, "ecma/llp/full"))
    shown = said(form)
    assert "Published: E-CMANet, Table 1" in shown
    assert [text for text in shown if text in map(str, NUMBERS)] == [str(number) for number in NUMBERS]
    form.choose(place(form, "ecma/unav/full"))
    shown = said(form)
    assert "AV" in shown
    assert "Type@AV" not in shown
    assert [text for text in shown if text in ("41.8", "47.4", "–")] == ["41.8", "47.4"]
    form.choose(place(form, "ecma/signal"))
    assert not {"segment", "event", "AV"} & set(said(form))


def test_the_form_sends_what_was_chosen(qtbot: QtBot) -> None:
    form = make(qtbot)
    form.choose(place(form, "han/signal"))
    seed = form.findChildren(QSpinBox)[1]
    seed.setValue(7)
    start = next(b for b in form.findChild(QDialogButtonBox).buttons() if b.text() == "Start training")
    with qtbot.waitSignal(form.submitted) as blocker:
        qtbot.mouseClick(start, Qt.MouseButton.LeftButton)
    assert blocker.args == [TrainingRequest(RECIPES[-1], device="auto", epochs=None, seed=7)]


def test_the_form_says_how_many_epochs_the_recipe_has(qtbot: QtBot) -> None:
    form = make(qtbot)
    assert form.findChildren(QSpinBox)[0].text() == "as the recipe says (40)"
    form.choose(place(form, "ecma/llp/full"))
    assert form.findChildren(QSpinBox)[0].text() == "as the recipe says (10)"


def test_without_any_recipe_nothing_can_be_started(qtbot: QtBot) -> None:
    form = make(qtbot, recipes=())
    assert not form.can_start
    assert any("reinstall" in text for text in said(form))


def teacher(form: LaunchForm) -> PseudoLabelsField:
    found = form.findChild(PseudoLabelsField)
    assert found is not None
    return found


def test_only_a_recipe_of_pseudo_labels_asks_for_them(qtbot: QtBot) -> None:
    form = make(qtbot, parses={"newest": Path("/p/b.npz"), "older": Path("/p/a.npz")})
    assert not teacher(form).isVisible()
    assert form.request().pseudo_labels is None
    form.choose(place(form, "ear/signal"))
    assert teacher(form).isVisible()
    assert form.request().pseudo_labels == Path("/p/b.npz")  # the newest, until another is chosen
    qtbot.keyClick(teacher(form), Qt.Key.Key_Down)
    assert form.request().pseudo_labels == Path("/p/a.npz")
    form.choose(place(form, "han/signal"))
    assert form.request().pseudo_labels is None


def test_without_any_parses_such_a_recipe_waits_for_a_file(qtbot: QtBot, tmp_path: Path) -> None:
    form = make(qtbot)
    form.choose(place(form, "ear/signal"))
    assert not form.can_start
    teacher(form).activated.emit(0)
    dialog = form.findChild(QFileDialog)
    assert dialog is not None
    dialog.fileSelected.emit(str(tmp_path / "labels.npz"))
    assert form.can_start
    assert form.request().pseudo_labels == tmp_path / "labels.npz"
    assert teacher(form).currentText() == "labels.npz"


def test_a_long_name_loses_its_middle_and_not_its_end(qtbot: QtBot) -> None:
    name = "labels that somebody sent by mail, " * 3 + "version 2"
    form = make(qtbot, parses={name: Path("/p/a.npz"), "short": Path("/p/b.npz")})
    form.choose(place(form, "ear/signal"))
    shown = QStyleOptionComboBox()
    teacher(form).initStyleOption(shown)
    assert "…" in shown.currentText
    assert (shown.currentText[:6], shown.currentText[-9:]) == ("labels", "version 2")
    teacher(form).setCurrentIndex(1)
    teacher(form).initStyleOption(shown)
    assert shown.currentText == "short"


def test_who_chooses_no_file_keeps_what_was_chosen(qtbot: QtBot) -> None:
    form = make(qtbot, parses={"newest": Path("/p/b.npz"), "older": Path("/p/a.npz")})
    form.choose(place(form, "ear/signal"))
    field = teacher(form)
    field.setCurrentIndex(1)
    field.activated.emit(1)
    field.setCurrentIndex(2)
    field.activated.emit(2)
    dialog = form.findChild(QFileDialog)
    assert dialog is not None
    dialog.rejected.emit()
    assert field.path == Path("/p/a.npz")


def test_the_generators_of_a_method_are_one_group() -> None:
    assert group_title("uwav/gen") == group_title("uwav/gen-lm") == "UWAV: generators of pseudo-labels"
    assert [short_title(name) for name in ("uwav/gen", "uwav/gen-lm")] == ["UWAV", "lm"]
