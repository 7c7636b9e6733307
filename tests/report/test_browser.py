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
