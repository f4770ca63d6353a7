using System.Globalization;
using System.Text;

namespace Nova.LoadTest.Reporting;

/// <summary>Draws the comparison: bars of CPU and p99 at the lowest rate, and p99 over deliveries a second up to each system's knee.</summary>
internal sealed class Chart
{
    private const int PanelWidth = 420;
    private const int PanelHeight = 260;
    private const int Margin = 56;

    private static readonly string[] Colors = ["#1b6ef3", "#e4572e", "#7a5195", "#2a9d5c", "#b8860b", "#555555"];

    private readonly StringBuilder _svg = new();
    private readonly List<string> _systems;
    private readonly List<Measurement> _cells;

    private Chart(List<Measurement> cells)
    {
        _cells = cells;
        _systems = [.. cells.Select(static cell => cell.System).Distinct()];
    }

    /// <returns>An SVG document; null if there are no cells to compare.</returns>
    public static string? Draw(IReadOnlyList<Measurement> measurements)
    {
        var fanout = measurements.Where(static cell => cell is { Workload: "W1", Latency: not null, CpuMicroseconds: not null }).ToList();
        return fanout.Count == 0 ? null : new Chart([.. fanout.Where(cell => cell.Viewers == fanout[0].Viewers)]).Draw();
    }

    private string Draw()
    {
        var width = (3 * PanelWidth) + Margin;
        _svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {PanelHeight + (2 * Margin)}\" font-family=\"sans-serif\" font-size=\"12\">\n");
        _svg.Append("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n");
        var lowest = _cells.Min(static cell => cell.Rate);
        var what = $"{_cells[0].Viewers:N0} viewers × {lowest:N0}/s";
        Bars(0, $"CPU µs per delivery, {what}", lowest, static cell => cell.CpuMicroseconds!.Value);
        Bars(1, $"p99 ms, {what}", lowest, static cell => cell.Latency!.P99);
        Curves(2);
        return _svg.Append("</svg>\n").ToString();
    }

    private void Bars(int panel, string title, double rate, Func<Measurement, double> value)
    {
        var medians = _systems.Select(system => Spread.Of(_cells.Where(cell => cell.System == system && cell.Rate == rate).Select(value))?.Median ?? 0).ToList();
        var highest = Math.Max(medians.Max(), double.Epsilon);
        var step = (PanelWidth - Margin) / _systems.Count;
        Text(Margin + (panel * PanelWidth), Margin - 24, title, "start");
        for (var i = 0; i < _systems.Count; i++)
        {
            var height = medians[i] / highest * PanelHeight;
            var left = Margin + (panel * PanelWidth) + (i * step);
            _svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{left}\" y=\"{Margin + PanelHeight - height:F1}\" width=\"{step * 0.7:F1}\" height=\"{height:F1}\" fill=\"{ColorOf(i)}\"/>\n");
            Text(left + (step * 0.35), Margin + PanelHeight - height - 5, medians[i].ToString("0.0", CultureInfo.InvariantCulture), "middle");
            Text(left + (step * 0.35), Margin + PanelHeight + 16, _systems[i], "middle");
        }
    }

    /// <summary>Both axes are logarithmic, so that a knee shows as an upward bend.</summary>
    private void Curves(int panel)
    {
        var left = Margin + (panel * PanelWidth);
        var (minX, maxX) = Decades(_cells.Select(static cell => cell.DeliveredPerSecond));
        var (minY, maxY) = Decades(_cells.Select(static cell => cell.Latency!.P99));
        double X(double delivered) => left + ((Math.Log10(delivered) - minX) / (maxX - minX) * (PanelWidth - Margin));
        double Y(double p99) => Margin + PanelHeight - ((Math.Log10(p99) - minY) / (maxY - minY) * PanelHeight);

        Text(left, Margin - 24, "p99 ms over deliveries/s, rate stepped up", "start");
        for (var decade = minX; decade <= maxX; decade++)
        {
            Text(X(Math.Pow(10, decade)), Margin + PanelHeight + 16, $"{Math.Pow(10, decade):N0}", "middle");
        }

        for (var decade = minY; decade <= maxY; decade++)
        {
            var y = Y(Math.Pow(10, decade));
            _svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{left}\" x2=\"{left + PanelWidth - Margin}\" y1=\"{y:F1}\" y2=\"{y:F1}\" stroke=\"#dddddd\"/>\n");
            Text(left - 6, y + 4, $"{Math.Pow(10, decade):N0}", "end");
        }

        for (var i = 0; i < _systems.Count; i++)
        {
            var points = _cells.Where(cell => cell.System == _systems[i]).GroupBy(static cell => cell.Rate).OrderBy(static rate => rate.Key)
                .Select(rate => (X: X(Median(rate, static cell => cell.DeliveredPerSecond)), Y: Y(Median(rate, static cell => cell.Latency!.P99)))).ToList();
            var path = string.Join(' ', points.Select(static point => string.Create(CultureInfo.InvariantCulture, $"{point.X:F1},{point.Y:F1}")));
            _svg.Append(CultureInfo.InvariantCulture, $"<polyline points=\"{path}\" fill=\"none\" stroke=\"{ColorOf(i)}\" stroke-width=\"2\"/>\n");
            foreach (var (x, y) in points)
            {
                _svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{x:F1}\" cy=\"{y:F1}\" r=\"3\" fill=\"{ColorOf(i)}\"/>\n");
            }

            Text(left + 8, Margin + 14 + (i * 16), _systems[i], "start", ColorOf(i));
        }
    }

    private static double Median(IEnumerable<Measurement> cells, Func<Measurement, double> value) => Math.Max(0.1, Spread.Of(cells.Select(value))!.Value.Median);

    private static (double Min, double Max) Decades(IEnumerable<double> values)
    {
        var logarithms = values.Select(static value => Math.Log10(Math.Max(0.1, value))).ToList();
        var min = Math.Floor(logarithms.Min());
        return (min, Math.Max(min + 1, Math.Ceiling(logarithms.Max())));
    }

    private static string ColorOf(int system) => Colors[system % Colors.Length];

    private void Text(double x, double y, string text, string anchor, string color = "#222222") =>
        _svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x:F1}\" y=\"{y:F1}\" text-anchor=\"{anchor}\" fill=\"{color}\">{text}</text>\n");
}
