"""The table of session keys: every name under which a page or a widget keeps something.

Each page has a prefix of its own, and only that page and its parts use these keys. Keys that begin
with `shared_` belong to several pages; their comments say who sets them and who reads them. "Widget":
the widget of that key sets it. A key with a variable part is a function.
"""

from __future__ import annotations

from typing import Literal

# All pages
ROUTED = "shared_routed"  # True: set by streamlit_app.py, read and removed by navigation
PAGE = "shared_page"  # address of the page that is shown; navigation
NETWORK = "shared_network"  # id of the chosen network; set by choice and sidebar, read by choice
TAKEN = "shared_taken"  # what an opened link holds (link.Linked); set, read and removed by choice
SIDEBAR = "shared_sidebar"  # fragment; drawn again by follow
STEP = "shared_step"  # its step's name; widget, sidebar
NETWORK_LIST = "shared_network_list"  # the networks of its step; widget, sidebar
ADDRESS = "shared_address"  # what the address last had to say; sidebar
PRESENTATION = "shared_presentation"  # large type is on; widget, presentation
PERSON = "shared_person"  # token of the person, a secret; set and read by visitor
DRAWING = "shared_drawing"  # last digit that was drawn, or None; set and read by choice
EXPECTATION = "shared_expectation"  # whether the place of the next two is open; widget
EXPECTED_TEXT = "shared_expected_text"  # what one expects of the next run; widget, emptied by it
EXPECTED_ACCURACY = "shared_expected_accuracy"  # the same as a number, or None; widget, emptied by it
NICKNAME = "shared_nickname"  # widget, classroom
SECRET = "shared_secret"  # the teacher's, as somebody has typed it; widget, emptied by classroom
PAUSED = "shared_paused"  # the line is to be paused; widget, classroom
LOCKED = "shared_locked"  # the controls are to be locked; widget, classroom
CLEAR = "shared_clear"  # the button that clears the class's data; widget

Place = Literal["sidebar", "start", "keep", "delete", "runs", "design"]  # where messages are shown


def message(place: Place) -> str:
    """A message that waits to be shown; set, read and removed by messages."""
    return f"shared_message_{place}"


def seeds(run: str) -> str:
    """How many seeds a run is to be repeated with; widget, seeds."""
    return f"shared_seeds_{run}"


def hint(name: str, run: str) -> str:
    """The button of a hint for a run; widget, hints."""
    return f"shared_hint_{name}_{run}"


def matrix(true: int, said: int, digits: int) -> str:
    """The confusion matrix with a frame around one cell; widget; read by matrix."""
    return f"shared_matrix_{true}_{said}_{digits}"


def small_chart(name: str) -> str:
    """A chart right below a control, which Streamlit's toolbar would cover; container, streamlit_app.py."""
    return f"shared_small_chart_{name}"


def clock(name: str) -> str:
    """A clock, which takes no place on the page; widget, streamlit_app.py."""
    return f"shared_clock_{name}"


def waiting(words: str) -> str:
    """How far a reader has come; fragment."""
    return f"shared_waiting_{words}"


# The canvas of The five steps and of Draw: the same drawing is on both. All are set and read by canvas
CANVAS_SKETCHES = "shared_sketches"  # what was on the canvas, the present sketch last; for Undo
CANVAS_VERSION = "shared_canvas"  # version of the canvas, which only a new key can empty
CANVAS_START = "shared_start"  # the drawing with which that canvas began
CANVAS_TOOL = "shared_tool"  # pen or eraser; widget
CANVAS_PEN_WIDTH = "shared_pen_width"  # widget
CANVAS_HARD_DIGIT = "shared_hard_digit"  # a prepared digit to put on the canvas; widget
CANVAS_NO_TOOLS = "shared_no_tools"  # the component that hides the canvas's own tools; widget


def canvas(version: int) -> str:
    """The canvas itself; widget."""
    return f"shared_canvas_{version}"


# The five steps
STEPS_ALL = "steps_all"  # whether the chart of all networks is open; widget
STEPS_AXIS = "steps_axis"  # accuracies that it shows; widget
STEPS_COMPARISON = "steps_comparison"  # whether the comparison of two networks is open; widget
STEPS_FROM = "steps_from"  # ids of the two networks to compare; widgets
STEPS_TO = "steps_to"


def steps_card(step: str) -> str:
    """The tabs of the steps, of which this step's is open; widget."""
    return f"steps_card_{step}"


# Lessons
LESSON = "lessons_current"  # the open one: see lessons.current
LESSON_AUTHOR = "lessons_author"  # whether the form for one's own is open; widget
LESSON_FILE = "lessons_file"  # a file of one; widget
LESSON_FORM = "lessons_form"  # that form
LESSON_NETWORKS = "lessons_networks"  # those of the form; widget
LESSON_SHARE = "lessons_share"  # whether link and code are shown; widget
LESSON_WORK = "lessons_work"  # the networks to train and what they reached; fragment


def lesson_open(name: str) -> str:
    """The button that opens a lesson."""
    return f"lessons_open_{name}"


def lesson_field(id: str, name: str) -> str:
    """A field of the recipe that a lesson leaves open; widget."""
    return f"lessons_field_{id}_{name}"


def lesson_expected(id: str) -> str:
    """Which network one expects to be ahead; widget."""
    return f"lessons_expected_{id}"


def lesson_train(name: str) -> str:
    """The button that trains a network of a lesson."""
    return f"lessons_train_{name}"


# Train
TRAIN_CLOCK = "train_clock"  # looks at the chosen run; fragment
TRAIN_SIGNS = "train_signs"  # what the page shows, and the seconds to the next look; follow
TRAIN_TRANSPORT = "train_transport"  # the buttons and the state of the run; fragment and container
TRAIN_BUTTONS = "train_buttons"  # their row; container
TRAIN_CHART = "train_chart"  # the chart and all else about the run; fragment
TRAIN_AXIS = "train_axis"  # vertical axis of the chart; widget
TRAIN_MORE = "train_more"  # whether loss and learning rate are shown; widget
TRAIN_FINDER = "train_finder"  # whether the learning-rate finder is open; widget
TRAIN_FOUND = "train_found"  # name of the range test that somebody has asked for; finder
TRAIN_MOTION = "train_motion"  # whether slow motion is open; widget
TRAIN_MOTION_START = "train_motion_start"  # the weights that it begins with; widget
TRAIN_MOTION_STEP = "train_motion_step"  # the step that is shown; widget
TRAIN_WATCHED = "train_watched"  # name of the steps that somebody has asked for; slow_motion


def train_origin(step: str) -> str:
    """The recipe with which a step's controls begin (recipe_form.Origin)."""
    return f"train_origin_{step}"


def train_control(step: str, field: str, version: int) -> str:
    """The control of one field of the recipe; widget. A new version has the origin's values."""
    return f"train_{step}_{field}_{version}"


def train_rate(run: str) -> str:
    """The learning rate of a run that is training; widget."""
    return f"train_rate_{run}"


# Design
DESIGN_LAYERS = "design_layers"  # the network as it is now; draft
DESIGN_ORIGIN = "design_origin"  # the one that was chosen in the sidebar then; draft
DESIGN_PAST = "design_past"  # what it was before each change, the last one last; draft
DESIGN_SELECTED = "design_selected"  # index of the layer whose fields are shown, or None; draft
DESIGN_TYPED = "design_typed"  # (text, what is wrong with it) while the text is no network; draft
DESIGN_CLOSED = "design_closed"  # how often a change came from elsewhere than a layer's fields; draft
DESIGN_TEXT = "design_text"  # the line of text; widget
DESIGN_NUMBERS = "design_numbers"  # parameters and more, side by side; container
DESIGN_LIST = "design_list"  # all layers; container
DESIGN_NAME = "design_name"  # its name; widget, deeds
DESIGN_TRAIN = "design_train"  # the button that trains it; widget
DESIGN_UPLOAD = "design_upload"  # a file of layers; widget, deeds


def design_row(index: int | str) -> str:
    """A line of the list; container."""
    return f"design_row_{index}"


def design_layer(index: int | str) -> str:
    """The button that shows the fields of a layer; widget."""
    return f"design_layer_{index}"


def design_editor(index: int) -> str:
    """The fields of a layer; container."""
    return f"design_editor_{index}"


def design_kind(index: int) -> str:
    """The kind of a layer; widget."""
    return f"design_kind_{index}"


def design_field(index: int, kind: str, name: str) -> str:
    """A field of a layer of this kind; widget."""
    return f"design_field_{index}_{kind}_{name}"


def design_change(index: int, what: str) -> str:
    """The button that moves, copies or removes a layer; widget."""
    return f"design_change_{index}_{what}"


def design_add(place: int) -> str:
    """The kind of a layer to add at this place; widget."""
    return f"design_add_{place}"


def design_mend(index: int, rule: str) -> str:
    """The button that mends what a rule has found at a layer; widget."""
    return f"design_mend_{index}_{rule}"


# Take it home, on the pages Runs and Look inside
HOME_OPEN = "shared_home_open"  # whether the exports of the selected run are shown; widget, take_home


def home_download(export: str) -> str:
    """The button that downloads an export; widget."""
    return f"shared_home_download_{export}"


# Runs
RUNS_STEP = "runs_step"  # only runs of this step are shown; widget, removed by upload
RUNS_CHOSEN = "runs_chosen"  # ids of the selected runs
RUNS_DELETED = "runs_deleted"  # {id: name} of the runs that were deleted last; for Undo
RUNS_TRASH = "runs_trash"  # ids of the deleted runs to bring back; widget, trash
RUNS_BOARD = "runs_board"  # whether the board is open; widget
RUNS_UPLOAD = "runs_upload"  # a checkpoint; widget, read by upload


def runs_table(rows: str) -> str:
    """The table with these rows in this order; widget."""
    return f"runs_table_{rows}"


def runs_name(run: str, name: str) -> str:
    """The new name of a run that has this name; widget."""
    return f"runs_name_{run}_{name}"


# Look inside
INSIDE_SOURCE = "inside_source"  # which digit is shown: drawn or validation; widget, digit
INSIDE_DRAWING = "inside_drawing"  # the drawing that this page showed last
INSIDE_CLASS = "inside_class"  # class of the validation digit; widget
INSIDE_PLACE = "inside_place"  # (x, y) on the digit in its pixels; missing until a cell is chosen
INSIDE_MORE = "inside_more"  # whether the same place in other layers is shown; widget
INSIDE_VALUES = "inside_values"  # what the colours of maps show; widget, way
INSIDE_SCALE = "inside_scale"  # one colour scale for all maps, or one for each; widget
INSIDE_KERNELS = "inside_kernels"  # one colour scale for the layer's kernels, or one for each; widget
INSIDE_ORDER = "inside_order"  # order of the maps; widget


def inside_number(count: int) -> str:
    """Number of the validation digit within a class of `count` digits; widget."""
    return f"inside_number_{count}"


def inside_layer(names: list[str]) -> str:
    """The layer that is shown, in a network of these layers; widget."""
    return f"inside_layer_{'_'.join(names)}"


def inside_map(layer: str, maps: int, first: int) -> str:
    """The map whose cell is shown, where map `first` heads the list; widget."""
    return f"inside_map_{layer}_{maps}_{first}"


def inside_row(height: int) -> str:
    """Row of the chosen cell in a map of that height; widget, cell."""
    return f"inside_row_{height}"


def inside_column(width: int) -> str:
    """Column of the chosen cell in a map of that width; widget, cell."""
    return f"inside_column_{width}"


def inside_cells(layer: str, map: int, cell: tuple[int, int], size: tuple[int, int]) -> str:
    """A map whose cells can be clicked, with a frame around one; widget."""
    return f"inside_cells_{layer}_{map}_{cell}_{size}"


# Draw
DRAW_SOURCE = "draw_source"  # canvas or photograph; widget
DRAW_CENTER = "draw_center"  # whether the digit is centred; widget
DRAW_UPLOAD = "draw_upload"  # a photograph; widget, which forgets it while the canvas is shown
DRAW_PHOTO = "draw_photo"  # the last photograph, kept
DRAW_FROM = "draw_from"  # a file or the camera; widget
DRAW_CAMERA = "draw_camera"  # a photograph; widget, which forgets it while the canvas is shown
DRAW_BOX = "draw_box"  # whether to draw a box around the digit; widget
DRAW_RIVALS = "draw_rivals"  # {answer: class to compare it with}, as far as chosen
DRAW_LEFT, DRAW_RIGHT = "draw_left", "draw_right"  # the columns of the page; containers
DRAW_PAPER, DRAW_TOOLS = "draw_paper", "draw_tools"  # the canvas and what belongs to it; containers
DRAW_ANSWER, DRAW_COMPARED = "draw_answer", "draw_compared"  # one answer, and all of them; containers
DRAW_KEEPER = "draw_keeper"  # the box that keeps a drawing; container
DRAW_NICKNAME = "draw_nickname"  # widget
DRAW_AUTHOR = "draw_author"  # a random word that stands for this session


def draw_box(photograph: str) -> str:
    """A photograph on which a box can be drawn; widget, photograph."""
    return f"draw_box_{photograph}"


def draw_rival(answer: int) -> str:
    """The class to compare an answer with; widget, why."""
    return f"draw_rival_{answer}"


def draw_label(drawing: str) -> str:
    """The digit that a drawing was meant to be; widget."""
    return f"draw_label_{drawing}"


def draw_keep(drawing: str) -> str:
    """The button that keeps a drawing; widget."""
    return f"draw_keep_{drawing}"


# Our digits
DIGITS_LABEL = "digits_label"  # only digits of this class are shown; widget
DIGITS_MISREAD = "digits_misread"  # only misread digits are shown; widget
DIGITS_ALL = "digits_all"  # all digits are shown, not the newest alone; widget
DIGITS_CELL = "digits_cell"  # (true, said) of the chosen cell of the matrix
DIGITS_CHOICE = "digits_choice"  # the box of digits to choose from; widget
DIGITS_CHOICE_ALL = "digits_choice_all"  # all digits are in it, not the newest alone; widget
DIGITS_CHOSEN = "digits_chosen"  # ids of the digits to delete; widget, deletion
DIGITS_DELETE = "digits_delete"  # the button that deletes them; widget
DIGITS_DELETE_ALL = "digits_delete_all"  # the button that deletes all; widget
DIGITS_UNDO = "digits_undo"  # the button that undoes the last deletion; widget
DIGITS_FORGET = "digits_forget"  # the button that removes what was deleted from the disk; widget
DIGITS_UPLOAD = "digits_upload"  # a ZIP file to read in; widget
DIGITS_IMPORTED = "digits_imported"  # what became of it: class_set.Imported, or what was wrong with it

# Mistakes
MISTAKES_TRUE = "mistakes_true"  # row and column of the chosen cell of the matrix; widgets, mistakes
MISTAKES_SAID = "mistakes_said"
MISTAKES_MORE = "mistakes_more"  # more of the worst errors are shown; widget
MISTAKES_OTHER = "mistakes_other"  # id of the network to compare with; widget
