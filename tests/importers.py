"""What an LMS does when its file of grades is imported, by the rules of its documentation.

Each class has grades, gives its file (`text`), and takes one back (`take`).
"""

import csv
import io


def table(text, mark=","):
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=mark))


class Canvas:
    """The gradebook: an export with every assignment, of which an import changes some cells."""

    def __init__(self, people, columns):
        self.people, self.columns = people, columns  # {id: (name, sis, login, section)}, {title: m}
        self.grades = {title: {} for title in columns}

    def text(self):
        rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *self.columns, "Total"]]
        rows.append(["", "", "", "", "", *("Manual Posting" for _ in self.columns), ""])
        rows.append(["    Points Possible", "", "", "", "", *self.columns.values(), "(read only)"])
        for number, about in self.people.items():
            grades = [self.grades[title].get(number, "") for title in self.columns]
            rows.append([about[0], number, *about[1:], *grades, "77.1"])
        rows.append(["Student, Test", "999", "", "f00d", "A", *("" for _ in self.columns), ""])
        file = io.StringIO(newline="")
        csv.writer(file).writerows(rows)
        return "\ufeff" + file.getvalue()

    def take(self, text):
        """Grades of known students in known columns; an empty cell deletes a grade."""
        header, *rows = table(text.removeprefix("\ufeff"))
        for row in rows:
            if (number := row[header.index("ID")]) in self.people:
                for title in set(header) & set(self.columns):
                    grade = row[header.index(title)]
                    if grade:
                        self.grades[title][number] = float(grade)
                    else:
                        self.grades[title].pop(number, None)


class Moodle:
    """An assignment: a worksheet in the teacher's language, skipped where it is out of date."""

    titles = (
        "ID", "Vollständiger Name", "ID-Nummer", "Status", "Bewertung", "Bestwertung",
        "Bewertung kann geändert werden", "Zuletzt geändert (Abgabe)",
        "Zuletzt geändert (Bewertung)", "Feedback als Kommentar",
    )  # fmt: skip

    def __init__(self, people, most):
        self.people, self.most = people, most  # {number: (name, id number)}
        self.grades = {number: ("", "-", "") for number in people}  # grade, when, comment
        self.now = 0

    def text(self):
        file = io.StringIO(newline="")
        sheet = csv.writer(file, delimiter=";")
        sheet.writerow(self.titles)
        for number, (name, own) in self.people.items():
            grade, when, comment = self.grades[number]
            grade = f"{grade:.2f}".replace(".", ",") if grade != "" else ""
            most = f"{self.most:.2f}".replace(".", ",")
            about = [f"Teilnehmer/in{number}", name, own, "Abgegeben", grade, most, "Ja"]
            sheet.writerow([*about, "Montag, 2. Februar 2026, 10:00", when, comment])
        return file.getvalue()

    def take(self, text):
        """Records that have changed since the worksheet was written are left as they are."""
        header, *rows = table(text, ";")
        assert tuple(header) == self.titles
        for row in rows:
            number = row[0].removeprefix("Teilnehmer/in")
            grade, when, comment = self.grades[number]
            given = float(row[4].replace(",", ".")) if row[4] else ""
            if row[8] == when and (given, row[9]) != (grade, comment):
                self.now += 1
                self.grades[number] = (given, f"Dienstag, {self.now}. März 2026, 09:00", row[9])


class Brightspace:
    """Grades by username; the last column marks the end of a line."""

    def __init__(self, people, column, most):
        self.people, self.most = people, most  # {username: OrgDefinedId}
        self.title = f"{column} Points Grade <Numeric MaxPoints:{most:g} Weight:50>"
        self.grades = {}

    def text(self):
        lines = [f"OrgDefinedId,Username,Last Name,First Name,{self.title},End-of-Line Indicator"]
        for name, (number, last, first) in self.people.items():
            lines.append(f"#{number},#{name},{last},{first},{self.grades.get(name, '')},#")
        return "\r\n".join(lines) + "\r\n"

    def take(self, text):
        header, *rows = table(text)
        assert header[-1] == "End-of-Line Indicator"
        for row in rows:
            assert row[-1] == "#"
            if row[4]:
                self.grades[row[1].removeprefix("#")] = float(row[4])


class Gradescope:
    """The table of all grades, which other places take."""

    def __init__(self, people, column, most):
        self.people, self.column, self.most = people, column, most  # {sid: (first, last, email)}
        self.grades = {}

    def text(self):
        about = f"{self.column} - Max Points,{self.column} - Submission Time"
        lines = [f"First Name,Last Name,SID,Email,Sections,{self.column},{about}"]
        for sid, (first, last, email) in self.people.items():
            lines.append(f"{first},{last},{sid},{email},,{self.grades.get(sid, '')},{self.most},")
        return "\n".join(lines)

    def take(self, text):
        _, *rows = table(text)
        self.grades = {row[2]: float(row[5]) for row in rows if row[5]}


def feedback_in_moodle(names):
    """{participant: file} of a zip file: the second part of a folder's name is the number."""
    found = {}
    for name in names:
        folder, _, file = name.partition("/")
        _, number, kind, plugin, *_ = folder.split("_")
        assert (kind, plugin) == ("assignsubmission", "file")
        if not file.startswith((".", "~")):
            found[number] = file
    return found


def feedback_in_canvas(names):
    """{(user, attachment): file}: the first two parts of a name that are all digits."""
    return {tuple(p for p in name.split("_") if p.isdigit())[:2]: name for name in names}


def feedback_in_brightspace(names):
    """{user: file} of a zip file with the folders that Brightspace itself made."""
    return {name.split("-")[0]: name.partition("/")[2] for name in names}
