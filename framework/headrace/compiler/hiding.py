"""Which modules a compiled flow would hide if it had their name: Python's, ours, and those of what we depend on.

The names are written out, so that the same project compiles to the same files under every version of Python and of the dependencies.
"""

from __future__ import annotations

# The union of 3.11 and 3.12, without those that no model's name could become.
_PYTHON = """
abc aifc antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii bisect builtins bz2 calendar cgi
cgitb chunk cmath cmd code codecs codeop collections colorsys compileall concurrent configparser contextlib contextvars copy copyreg crypt
csv ctypes curses dataclasses datetime dbm decimal difflib dis distutils doctest email encodings ensurepip enum errno faulthandler fcntl
filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html
http idlelib imaplib imghdr imp importlib inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma mailbox
mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis nntplib nt ntpath nturl2path numbers opcode
operator optparse os ossaudiodev pathlib pdb pickle pickletools pipes pkgutil platform plistlib poplib posix posixpath pprint profile
pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets
select selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile sre_constants sre_parse
ssl stat statistics string stringprep struct subprocess sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios
textwrap this threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle turtledemo types typing
unicodedata unittest urllib uu uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile
zipimport zlib zoneinfo
"""

# What our dependencies, and theirs, are imported as.
_DEPENDENCIES = """
aiosqlite alembic amplitude annotated_doc annotated_types anyio apprise apscheduler asgi_lifespan asyncpg attr attrs beartype burner_redis
cachetools category_encoders certifi cffi charset_normalizer click cloudpickle colorama contourpy coolname cronsim cryptography cycler
cyclopts dateparser dateparser_cli dateparser_data dateparser_scripts dateutil docker docket docstring_parser dotenv exceptiongroup
fastapi flaml formulaic fsspec graphviz greenlet griffe griffecli h11 h2 headrace hpack httpcore httptools httpx humanize hyperframe idna
interface_meta jinja2 jinja2_humanize_extension joblib jsonpatch jsonpatch_cli jsonpointer jsonschema jsonschema_specifications
jupyterlab_plotly jwt key_value kiwisolver lightgbm mako markdown markdown_it markupsafe matplotlib mdurl mpl_toolkits nannyml narwhals
numpy oauthlib opentelemetry orjson packaging pandas pathspec patsy pendulum plotly pluggy prefect prettytable prometheus_client psutil
pyarrow pycparser pydantic pydantic_core pydantic_extra_types pydantic_settings pyfiglet pygls pygments pylab pyparsing pythonjsonlogger
pytz readchar redis referencing regex requests requests_oauthlib rfc3339_validator rfc8785 rich rich_rst rpds ruamel scipy seaborn segment
semver shellingham six sklearn skops slugify sniffio sqlalchemy sqlmodel starlette statsmodels tenacity text_unidecode threadpoolctl toml
lsprotocol model_signing cattr cattrs duckdb adbc_driver_duckdb sqlglot
aiohappyeyeballs aiohttp aiosignal cmaes colorlog frozenlist multidict optuna pandera propcache psycopg psycopg_binary tqdm typeguard yarl
dask distributed importlib_metadata lazy_importer locket msgpack partd prefect_dask tblib tlz toolz zict zipp
typer typing_extensions typing_inspection tzdata tzlocal uncalled_for urllib3 uvicorn uvloop wcwidth websockets wrapt xgboost yaml
"""

_KEYWORDS = """
and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or
pass raise return try while with yield
"""

HIDING = frozenset((_KEYWORDS + _PYTHON + _DEPENDENCIES).split())
"""Names that no flow's module may have."""
