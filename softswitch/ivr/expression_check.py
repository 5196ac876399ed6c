"""Types of expressions before any call: what an expression gives, and what cannot work in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from softswitch.ivr.expression import Among, Binary, Call, Expression, Literal, Name, Unary
from softswitch.ivr.fault import KnownNames, suggestion
from softswitch.ivr.functions import FORMS, FUNCTIONS
from softswitch.ivr.given import GIVEN_TYPES
from softswitch.ivr.value import Type, type_of
from softswitch.patterns import Pattern

_RESULT = {
    **dict.fromkeys(("+", "-", "*", "/", "%"), Type.NUMBER),
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), Type.YES_NO),
    "&": Type.TEXT,
}
_FIXED = {"open": "calendar", "holiday": "calendar", "header": "header"}


@dataclass(slots=True)
class Judged:
    """What came of judging one expression."""

    type: Type = Type.ANY
    wrong: list[str] = field(default_factory=list)
    """What can never work."""
    unknown: list[str] = field(default_factory=list)
    """Variables that nothing has set."""


def judge(expression: Expression, variables: Mapping[str, Type], known: KnownNames) -> Judged:
    """`variables`: those that may be set where it is computed."""
    judge = _Judge(variables, known)
    judge.found.type = judge.type_of(expression)
    return judge.found


class _Judge:
    def __init__(self, variables: Mapping[str, Type], known: KnownNames) -> None:
        self._variables = variables
        self._known = known
        self.found = Judged()

    def type_of(self, expression: Expression) -> Type:
        match expression:
            case Literal(value=value):
                return type_of(value)
            case Name(name=name):
                return self._variable(name)
            case Unary(operator=operator, operand=operand):
                wanted = Type.YES_NO if operator == "not" else Type.NUMBER
                self._want(wanted, operand, repr(operator))
                return wanted
            case Binary():
                return self._binary(expression)
            case Among(operand=operand, members=members):
                first = self.type_of(operand)
                for member in members:
                    self._same("in", first, self.type_of(member))
                return Type.YES_NO
            case Call():
                return self._call(expression)

    def _variable(self, name: str) -> Type:
        if name in self._variables:
            return self._variables[name]
        if name not in GIVEN_TYPES:
            self.found.unknown.append(name)
            return Type.ANY
        return GIVEN_TYPES[name]

    def _binary(self, binary: Binary) -> Type:
        operator = binary.operator
        if operator in ("and", "or"):
            for side in (binary.left, binary.right):
                self._want(Type.YES_NO, side, repr(operator))
            return Type.YES_NO
        if operator == "&":
            self.type_of(binary.left), self.type_of(binary.right)
            return Type.TEXT
        if _RESULT[operator] is Type.NUMBER:
            for side in (binary.left, binary.right):
                self._want(Type.NUMBER, side, repr(operator))
            return Type.NUMBER
        left, right = self.type_of(binary.left), self.type_of(binary.right)
        self._same(operator, left, right)
        if operator not in ("==", "!=") and Type.YES_NO in (left, right):
            self.found.wrong.append(f"{operator!r} does not order yes and no")
        return Type.YES_NO

    def _want(self, wanted: Type, expression: Expression, where: str) -> None:
        given = self.type_of(expression)
        if wanted in (Type.ANY, given) or given is Type.ANY:
            return
        hint = ""
        if wanted is Type.NUMBER and given is Type.TEXT:
            hint = "; number(…) makes one of it"
        elif wanted is Type.TEXT and given is Type.NUMBER:
            hint = "; text(…) makes one of it"
        self.found.wrong.append(f"{where} takes a {wanted}, and this is a {given}{hint}")

    def _same(self, operator: str, left: Type, right: Type) -> None:
        if left is not right and Type.ANY not in (left, right):
            hint = "; number(…) makes a number of a text" if {left, right} == {Type.TEXT, Type.NUMBER} else ""
            self.found.wrong.append(f"{operator!r} compares a {left} with a {right}{hint}")

    def _call(self, call: Call) -> Type:
        name, arguments = call.function, call.arguments
        if name in FORMS:
            if len(arguments) != FORMS[name]:
                self.found.wrong.append(
                    f"{name} takes {FORMS[name]} values, and {len(arguments)} stand there"
                )
                return Type.ANY
            return self._form(name, arguments)
        function = FUNCTIONS.get(name)
        if function is None:
            hint = suggestion(name, (*FUNCTIONS, *FORMS))
            self.found.wrong.append(f"there is no function {name!r}{hint}")
            return Type.ANY
        if not function.accepts(len(arguments)):
            more = " or more" if function.more else ""
            self.found.wrong.append(
                f"{name} takes {len(function.takes)}{more} values, and {len(arguments)} stand there"
            )
            return function.gives
        for index, argument in enumerate(arguments):
            self._want(function.takes[min(index, len(function.takes) - 1)], argument, f"{name}()")
        for index in function.fixed:
            self._pattern(arguments[index])
        return function.gives

    def _form(self, name: str, arguments: tuple[Expression, ...]) -> Type:
        match name:
            case "if":
                self._want(Type.YES_NO, arguments[0], "if()")
                return joined(self.type_of(arguments[1]), self.type_of(arguments[2]))
            case "default":
                return joined(self.type_of(arguments[0]), self.type_of(arguments[1]))
            case "has":
                self.type_of(arguments[0])
                return Type.YES_NO
        self._named(name, arguments[0])
        return Type.TEXT if name == "header" else Type.YES_NO

    def _named(self, form: str, argument: Expression) -> None:
        """A calendar or header, whose name stands there as it is."""
        if not isinstance(argument, Literal) or not isinstance(argument.value, str):
            self.found.wrong.append(f"{form}() takes the name of a {_FIXED[form]} in quotes")
            return
        name = argument.value
        if form != "header":
            if name not in self._known.calendars:
                self.found.wrong.append(
                    f"there is no calendar {name!r}{suggestion(name, self._known.calendars)}"
                )
        elif name.lower() not in self._known.headers:
            self.found.wrong.append(f"header {name!r} is not among those of routing.flow_headers")

    def _pattern(self, argument: Expression) -> None:
        if isinstance(argument, Literal) and isinstance(argument.value, str):
            try:
                Pattern.parse(argument.value)
            except ValueError as error:
                self.found.wrong.append(str(error))


def joined(first: Type, second: Type) -> Type:
    return first if first is second else Type.ANY
