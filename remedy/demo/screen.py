"""The demo on the screen: each step as it happens, and a table at the end."""

from collections.abc import Iterable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from remedy.demo.story import PlayedStep, Story, StoryStep, play
from sandbox.secrets import sign_in_words
from sandbox.stage.processes import Stage
from sandbox.stage.systems import SeenTicket

_SHOWN = 12


def tell(steps: Iterable[StoryStep], console: Console) -> list[PlayedStep]:
    """Play the steps with progress on the screen. Raises StoryBroken."""
    told = []
    for number, step in enumerate(steps, start=1):
        console.print(f"\n[bold]{number}. {step.title}[/bold]")
        told.append(_play(step, console))
        console.print(f"   [green]✓[/green] {step.expected} [dim]({told[-1].seconds:.1f} s)[/dim]")
        for ticket in step.tickets():
            console.print(f"     {_line(ticket)}\n       {ticket.summary}", markup=False)
    return told


def _play(step: StoryStep, console: Console) -> PlayedStep:
    columns = (TextColumn("   {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("waiting for it", total=None)
        return play(step, lambda done, whole: progress.update(task, completed=done, total=whole))


def show_table(story: Story, findings: Iterable[dict[str, str]], console: Console) -> None:
    """The findings with their tickets: the story's own first, then the worst of the scan."""
    tickets = story.tickets_of()
    rows = sorted(findings, key=lambda each: (each["id"] != story.finding_id, each["id"] in story.grouped))
    table = Table("finding", "severity", "status", title="Findings and their tickets", title_justify="left")
    table.add_column("tickets", overflow="fold")
    for each in rows[:_SHOWN]:
        lines = [_line(ticket) for ticket in tickets.get(each["id"], [])]
        table.add_row(each["id"], each["severity"], each["status"], "\n".join(lines))
    console.print()
    console.print(table)
    opened = sum(len(each) for each in tickets.values())
    console.print(f"{len(rows)} findings, {opened} tickets{f', {_SHOWN} shown' if len(rows) > _SHOWN else ''}.")


def _line(ticket: SeenTicket) -> str:
    return f"{ticket.key} {'open' if ticket.is_active else 'done'} {ticket.url}"


def show_timeline(stage: Stage, story: Story, console: Console) -> None:
    """The timeline of the story's finding."""
    console.print(f"\n$ remedy case show {story.finding_id}")
    console.print(stage.asked("case", "show", story.finding_id), markup=False, end="")


def show_times(told: Iterable[PlayedStep], console: Console) -> None:
    """How long each step took, from its cause outside to its last effect outside."""
    table = Table("step", "seconds", title="How long it took", title_justify="left")
    for each in told:
        table.add_row(each.title, f"{each.seconds:.1f}")
    console.print()
    console.print(table)


def show_addresses(stage: Stage, console: Console) -> None:
    """Where everything listens while the demo runs."""
    console.print("\nStill running, until Ctrl-C:")
    console.print(f"  receiver       {stage.receiver_address}/webhooks/schoolscan/lakeside")
    for name, address in stage.outside.items():
        console.print(f"  {name:<14} {address}{sign_in_words(name)}", markup=False)
    console.print(f"  Redis          {stage.redis_url}")
    console.print(f"  logs           {stage.folder}/*.log")
    console.print("Open a tracker's address, sign in as Priya of the help desk, and close a ticket yourself.")


def show_console(stage: Stage, console: Console) -> None:
    """A link to the console's pages. Each is of use once, so what is shown later is another one."""
    console.print("\nThe same, on the console's pages: this link signs in one browser, once, within ten minutes.")
    console.print(f"  {stage.console_link()}", markup=False)
    console.print("Another one: remedy --context demo console link --role administrator", markup=False)
