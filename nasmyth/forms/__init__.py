"""Forms of data: what raw input is and how it becomes what a network sees; what an answer means."""

from typing import TYPE_CHECKING

from nasmyth.contents import contents

if TYPE_CHECKING:
    from nasmyth.forms.fitting import fit_image_input, fit_table_input
    from nasmyth.forms.inputs import Column, ImageInput, TableInput
    from nasmyth.forms.outputs import Classes, Values, fit_classes, fit_values

__all__ = ["Classes", "Column", "ImageInput", "TableInput", "Values", "fit_classes", "fit_image_input", "fit_table_input",
           "fit_values"]  # fmt: skip

__getattr__, __dir__ = contents(
    __name__,
    {
        "fitting": ("fit_image_input", "fit_table_input"),
        "inputs": ("Column", "ImageInput", "TableInput"),
        "outputs": ("Classes", "Values", "fit_classes", "fit_values"),
    },
)
