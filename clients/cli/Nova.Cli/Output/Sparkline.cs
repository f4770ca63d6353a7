namespace Nova.Cli.Output;

/// <summary>The last numbers as a line of bars: ▁▂▃▄▅▆▇█.</summary>
internal sealed class Sparkline(int width)
{
    private const string Bars = "▁▂▃▄▅▆▇█";

    private readonly Queue<int> _values = [];

    public void Add(int value)
    {
        _values.Enqueue(value);
        while (_values.Count > width)
        {
            _values.Dequeue();
        }
    }

    public override string ToString()
    {
        if (_values.Count == 0)
        {
            return "";
        }

        var (low, high) = (_values.Min(), _values.Max());
        return string.Concat(_values.Select(value => high == low ? Bars[3] : Bars[(value - low) * (Bars.Length - 1) / (high - low)]));
    }
}
