"""The texts of tickets of a new file: those of the example file, with what to do about each kind of finding."""

TEMPLATES = """\
# The texts of tickets (Jinja2), unless a rule has its own `summary` or `body`. They may speak of case.ref, rule.name,
# finding.id, .severity, .domain_type, .scan_id, .status, .detected_at, .link, and, where the rule says
# `detail: restricted`, of finding.title, .url and .site. `notes` and `comments` can be worded in the same way.
templates:
  summary: >-
    Student data exposed: {{ finding.domain_type | replace('_', ' ') }}, {{ finding.severity }} ({{ finding.id }})
  body: |
    SchoolScan found student data on a public web page.

    Finding: {{ finding.id }}
    Severity: {{ finding.severity }}
    Kind: {{ finding.domain_type | replace('_', ' ') }}
    {% if finding.detected_at %}
    First seen: {{ finding.detected_at }}
    {% endif %}
    {% if finding.scan_id %}
    Scan: {{ finding.scan_id }}
    {% endif %}
    {% if finding.link %}
    Page and evidence: {{ finding.link }}
    {% endif %}
    {% if finding.title is defined and finding.title %}
    Title: {{ finding.title }}
    {% endif %}
    {% if finding.url is defined and finding.url %}
    Page: {{ finding.url }}
    {% endif %}
    Our reference: {{ case.ref }}

    What to do
    {% if finding.domain_type == 'direct_pii' %}
    1. Open the finding in SchoolScan to see the page and what was found there.
    2. Take the page or file offline now. Correct it afterwards.
    3. Remove names, birth dates, addresses, student numbers and photos. A black box over text in a PDF does not remove
       it: export the file again without the text.
    4. Delete older versions and copies: media library, shared drives, archived pages.
    5. Ask the search engines to remove the page and its cached copy.
    6. Tell the privacy officer, who decides whether families must be told.
    {% elif finding.domain_type == 'reidentification' %}
    1. Open the finding in SchoolScan to see which details together point to a student.
    2. Take the table or report offline until it is mended.
    3. Merge or leave out small groups (fewer than 10 students), and round percentages near 0 and 100.
    4. Check that the left-out numbers cannot be worked out from totals or from another table.
    5. Publish the new version under the same address, and delete the old file.
    {% elif finding.domain_type == 'education_records' %}
    1. Open the finding in SchoolScan to see the page and what was found there.
    2. Take the record (grades, plans, discipline, attendance) offline now.
    3. Find out how it became public: a shared link, an open folder, a page without sign-in. Close that way.
    4. Ask the search engines to remove the page and its cached copy.
    5. Tell the privacy officer: education records are protected by FERPA, and the disclosure must be written down.
    {% elif finding.domain_type == 'directory_info' %}
    1. Open the finding in SchoolScan to see the page and what was found there.
    2. Compare the names with the list of families who opted out of directory information.
    3. Remove every student whose family opted out, and every detail that your directory policy does not name.
    4. If everything may be public, close this ticket as an accepted risk and say who decided it.
    {% elif finding.domain_type == 'metadata' %}
    1. Open the finding in SchoolScan to see the file.
    2. Download the file, remove its hidden information (author, comments, tracked changes, photo location), and check
       it once more. Office: File, Info, Inspect Document. PDF: Remove Hidden Information.
    3. Upload the clean file in place of the old one.
    {% elif finding.domain_type == 'vendor_exposure' %}
    1. Open the finding in SchoolScan to see the vendor and what its product shows.
    2. Turn off public sharing in the product's settings, if the district can do it.
    3. Otherwise report it to the vendor's security contact, with a date by which it must be closed.
    4. Check what the data privacy agreement with the vendor says about notice.
    5. Tell the privacy officer if students can be recognised.
    {% else %}
    1. Open the finding in SchoolScan to see the page and what was found there.
    2. If a student can be recognised, take the page offline now.
    3. Ask the privacy officer what has to follow.
    {% endif %}

    Close this ticket when it is done: the finding is then updated in SchoolScan. Please write no student's name here.
"""
"""The last lines of a file, as they are in mappings.yaml of the repository."""
