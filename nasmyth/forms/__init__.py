"""Forms of data: what raw input is and how it becomes what a network sees; what an answer means."""

from typing import TYPE_CHECKING

from nasmyth.contents import contents

if TYPE_CHECKING:
    from nasmyth.forms.disk import FromDataset, Mapped
    from nasmyth.forms.fitting import fit_image_input, fit_table_input
    from nasmyth.forms.form import IGNORED, AnswerForm, InputForm
    from nasmyth.forms.graphs import GraphInput
    from nasmyth.forms.heads import Heads
    from nasmyth.forms.inputs import Column, ImageInput, TableInput
    from nasmyth.forms.outputs import Classes, Values, fit_classes, fit_values
    from nasmyth.forms.rotations import Rotations
    from nasmyth.forms.several import NamedInputs
    from nasmyth.forms.strings import Strings, fit_strings
    from nasmyth.forms.tokens import TokenInput, fit_tokens

__all__ = ["IGNORED", "AnswerForm", "Classes", "Column", "FromDataset", "GraphInput", "Heads", "ImageInput", "InputForm",
           "Mapped", "NamedInputs", "Rotations", "Strings",
           "TableInput", "TokenInput", "Values", "fit_classes", "fit_image_input", "fit_strings", "fit_table_input", "fit_tokens", "fit_values"]  # fmt: skip

__getattr__, __dir__ = contents(
    __name__,
    {
        "disk": ("FromDataset", "Mapped"),
        "fitting": ("fit_image_input", "fit_table_input"),
        "form": ("IGNORED", "AnswerForm", "InputForm"),
        "graphs": ("GraphInput",),
        "heads": ("Heads",),
        "inputs": ("Column", "ImageInput", "TableInput"),
        "outputs": ("Classes", "Values", "fit_classes", "fit_values"),
        "rotations": ("Rotations",),
        "several": ("NamedInputs",),
        "strings": ("Strings", "fit_strings"),
        "tokens": ("TokenInput", "fit_tokens"),
    },
)
