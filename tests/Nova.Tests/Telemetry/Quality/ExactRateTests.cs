using Nova.Telemetry.Quality;

namespace Nova.Tests.Telemetry.Quality;

/// <summary>Known results of the exact test of two rates, and what it says of few events.</summary>
public sealed class ExactRateTests
{
    /// <summary>R: <c>poisson.test(c(11, 21), c(800, 3011))</c> gives the same ratio and interval (breast cancer after fluoroscopy, Rothman).</summary>
    [Fact]
    public void Compare_OfAKnownStudy_HasItsRatioAndInterval()
    {
        var result = ExactRateTest.Compare(before: new(21, 3011), after: new(11, 800))!;
        Assert.Equal(1.971488, result.Ratio!.Value, 1e-6);
        Assert.Equal(0.858426, result.Low, 1e-6);
        Assert.Equal(4.277266, result.High!.Value, 1e-6);
        Assert.Equal(0.112017, result.PValue, 1e-6);
    }

    [Fact]
    public void Compare_WithNothingBefore_HasALowerBoundOnly()
    {
        var result = ExactRateTest.Compare(before: new(0, 100), after: new(10, 100))!;
        Assert.Null(result.Ratio);
        Assert.Null(result.High);
        Assert.InRange(result.Low, 2, 3);
        Assert.Equal(2 * Math.Pow(0.5, 10), result.PValue, 1e-12);
    }

    [Fact]
    public void Compare_WithNothingAfter_IsTheSameTurnedRound()
    {
        var result = ExactRateTest.Compare(before: new(10, 100), after: new(0, 100))!;
        Assert.Equal((0, 0), (result.Ratio, result.Low));
        Assert.InRange(result.High!.Value, 1 / 3.0, 1 / 2.0);
    }

    [Theory]
    [InlineData(0, 100, 0, 100)]
    [InlineData(5, 0, 5, 100)]
    [InlineData(5, 100, 5, 0)]
    public void Compare_WithoutEventsOrExposure_SaysNothing(int before, double exposureBefore, int after, double exposureAfter) =>
        Assert.Null(ExactRateTest.Compare(new(before, exposureBefore), new(after, exposureAfter)));

    /// <summary>R: <c>p.adjust(c(0.01, 0.04, 0.03, 0.5), "BH")</c>.</summary>
    [Fact]
    public void Adjust_OfSeveral_IsBenjaminiHochberg()
    {
        double[] expected = [0.04, 4 * 0.04 / 3, 4 * 0.04 / 3, 0.5];
        Assert.All(ExactRateTest.Adjust([0.01, 0.04, 0.03, 0.5]).Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 1e-12));
        Assert.Empty(ExactRateTest.Adjust([]));
    }
}
