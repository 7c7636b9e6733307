"""The page in a real browser: no console message, no request, the right points, tips that name the candidate."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading

import pytest

from nasmyth import report

selenium = pytest.importorskip("selenium")
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver")

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def served(study_path, tmp_path_factory):
    """(URL of the page on a local server, list of the paths that were asked for)."""
    folder = tmp_path_factory.mktemp("served")
    report.html(study_path, folder / "report.html")
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/report.html", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(params=[(1200, "light"), (1200, "dark"), (390, "light"), (390, "dark")], ids=lambda p: f"{p[0]}-{p[1]}")
def page(request, browser, served):
    """The browser on the page, at a width and in a colour scheme."""
    width, scheme = request.param
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.get("about:blank")
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(served[0])
    return browser


def test_it_is_silent_and_asks_for_nothing(page, served):
    import json

    page.execute_script("document.querySelectorAll('details').forEach(e => e.open = true)")
    assert page.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    requests = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert {url for url in requests if not url.startswith("data:")} == {served[0]}
    assert set(served[1]) == {"/report.html"}


def test_the_front_has_its_points_and_hovering_names_the_candidate(page, summary):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By

    points = page.find_elements(By.CSS_SELECTOR, "#front .plot .point.front")
    assert len(points) == len(summary["front"])
    tip = page.find_element(By.ID, "tip")
    for one in (summary["front"][0], summary["front"][-1]):
        point = page.find_element(By.CSS_SELECTOR, f"#front .plot .point[data-trial='{one['number']}']")
        page.execute_script("arguments[0].scrollIntoView({block: 'center'})", point)
        ActionChains(page).move_to_element(point).perform()
        assert tip.is_displayed()
        assert tip.text.startswith(f"#{one['number']}")
        assert "accuracy" in tip.text
    page.execute_script("arguments[0].focus()", points[0])
    assert tip.text.startswith(f"#{points[0].get_attribute('data-trial')}")


def test_the_page_never_scrolls_sideways(page):
    page.execute_script("document.querySelectorAll('details').forEach(e => e.open = true)")
    width = page.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]


def test_what_is_cut_says_so(page):
    """Every part that is wider than its card has a hint to scroll; no other has."""
    page.execute_script("document.querySelectorAll('details').forEach(e => e.open = true)")
    page.execute_async_script("requestAnimationFrame(() => setTimeout(arguments[0], 100))")
    parts = page.execute_script(
        """
        return [...document.querySelectorAll('.scroll')].map(e => [e.getAttribute('aria-label'),
          e.scrollWidth > e.clientWidth + 1, getComputedStyle(e, '::before').content.includes('Scroll sideways')]);
        """
    )
    assert len(parts) > 5 and all(cut == hint for _, cut, hint in parts), parts
    narrow = page.execute_script("return innerWidth") < 500
    assert any(cut for _, cut, _ in parts) == narrow


def test_no_legend_lies_over_a_plot(page):
    over = page.execute_script(
        """
        const boxes = s => [...document.querySelectorAll(s)].map(e => e.getBoundingClientRect());
        const plots = boxes('.plot');
        return [plots.length, boxes('.legend, .legend span').filter(l => plots.some(p =>
          l.left < p.right - 1 && l.right > p.left + 1 && l.top < p.bottom - 1 && l.bottom > p.top + 1)).length];
        """
    )
    assert over[0] >= 5 and over[1] == 0


def test_no_card_is_empty(page):
    texts = page.execute_script(
        "return [...document.querySelectorAll('section')].map(e => [e.id, e.innerText.trim().split('\\n').length, "
        "e.querySelectorAll('svg, table, dl, img, details, code').length])"
    )
    assert len(texts) > 8 and all(lines > 1 and held for _, lines, held in texts), texts


def test_wrong_answers_are_seen_as_pictures(page):
    seen = page.execute_script(
        "return [...document.querySelectorAll('.pictures img')].map(e => [e.naturalWidth, e.getBoundingClientRect().width])"
    )
    assert len(seen) == 5 and all(natural == 1 and width > 60 for natural, width in seen)


def test_short_and_full_trainings_have_shapes_of_their_own(page):
    shapes = page.execute_script(
        "return [...document.querySelectorAll('#front .plot .point')].map(e => [e.tagName, e.dataset.tip])"
    )
    told = {tag: [tip for name, tip in shapes if name == tag] for tag in ("circle", "polygon", "path")}
    assert all("final training" in tip for tip in told["circle"]) and told["circle"]
    assert all("short training" in tip or "baseline" in tip for tip in told["polygon"]) and told["polygon"]
    assert all("no better than chance" in tip for tip in told["path"]) and told["path"]
    legend = page.execute_script("return document.querySelector('#front .legend').innerText")
    assert "short training" in legend and "no better than chance" in legend


def test_letters_can_be_read(page):
    """Contrast of at least 4.5 to 1 between text and paper, and letters of at least 9 pixels in the plots."""
    found = page.execute_script(
        """
        const luminance = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(v => v / 255)
          .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
        const ratio = (a, b) => {
          const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
        const card = getComputedStyle(document.querySelector('section')).backgroundColor;
        const kinds = 'h1, h2, section > p, caption, th, td:not(.wrong):not(.right), summary, .badge';
        const low = [...document.querySelectorAll(kinds)]
          .filter(e => ratio(getComputedStyle(e).color, card) < 4.5).map(e => e.outerHTML.slice(0, 80));
        const texts = [...document.querySelectorAll('.plot text')].filter(e => getComputedStyle(e).display !== 'none');
        const small = Math.min(...texts.map(e => parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().a));
        return [low, small];
        """
    )
    assert found[0] == []
    assert found[1] >= 9


def test_a_live_page_is_renewed_where_the_reader_is(browser, tmp_path):
    """New results appear without a reload; what was opened stays open, and the page where it was."""
    from report_studies import digits
    from selenium.webdriver.support.ui import WebDriverWait

    from nasmyth.report.live import Live

    with digits(tmp_path / "live.db") as study, Live(str(tmp_path / "live.db"), every=0.2) as live:
        thread = threading.Thread(target=live.serve)
        thread.start()
        try:
            browser.get("about:blank")
            browser.get_log("browser")
            browser.get(live.url)
            browser.execute_script("window.first = true; document.querySelector('#trials details').open = true")
            browser.execute_script("document.getElementById('trials').scrollIntoView({behavior: 'instant'})")
            before = browser.execute_script("return [scrollY, document.querySelectorAll('#trials tbody tr').length]")
            (trial,) = study.ask(1)
            study.tell(trial, accuracy=0.5, params=100.0)
            wait = WebDriverWait(browser, 30)
            rows = "return document.querySelectorAll('#trials tbody tr').length"
            wait.until(lambda b: b.execute_script(rows) == before[1] + 1)
            now = "return [window.first, document.querySelector('#trials details').open, scrollY]"
            first, opened, where = browser.execute_script(now)
            assert first and opened and abs(where - before[0]) < 300 and before[0] > 300
            point = f"#front .plot .point[data-trial='{trial.number}']"
            assert browser.execute_script(f'return document.querySelectorAll("{point}").length') == 1
            assert browser.get_log("browser") == []
        finally:
            live.server.shutdown()
            thread.join()
    wait.until(lambda b: "no longer served" in b.execute_script("return document.querySelector('.brand').innerText"))


@pytest.mark.parametrize("width", [1200, 390])
def test_studies_side_by_side_fit_the_page(browser, summary, tmp_path, width):
    report.html([summary, {**summary, "under": ["params<=6000"]}, summary], tmp_path / "sides.html")
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get(f"file://{tmp_path}/sides.html")
    browser.execute_async_script("requestAnimationFrame(() => setTimeout(arguments[0], 100))")
    wide, cut = browser.execute_script(
        "return [document.documentElement.scrollWidth, document.querySelectorAll('.scroll.cut').length]"
    )
    assert wide <= width and bool(cut) == (width == 390) and browser.get_log("browser") == []
    assert browser.execute_script("return document.querySelectorAll('.plot polyline').length") == 3
