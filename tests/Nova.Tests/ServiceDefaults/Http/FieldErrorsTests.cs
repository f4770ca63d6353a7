using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Http;

namespace Nova.Tests.ServiceDefaults.Http;

public sealed class FieldErrorsTests
{
    [Theory]
    [InlineData("2025-10-21T10:30:45.123Z", "2025-10-21T10:30:45.1230000Z")]
    [InlineData("2025-10-21T12:30:45+02:00", "2025-10-21T10:30:45.0000000Z")]
    [InlineData("2025-10-21T10:30Z", "2025-10-21T10:30:00.0000000Z")]
    [InlineData("2025-10-21T10:30:45", "2025-10-21T10:30:45.0000000Z")]
    [InlineData("2025-10-21", "2025-10-21T00:00:00.0000000Z")]
    public void Time_InIso8601_IsReadAsUtcUnlessItSaysOtherwise(string text, string time) =>
        Assert.Equal(time, new FieldErrors().Time("since", text)!.Value.UtcDateTime.ToString("O"));

    /// <summary>What .NET's lenient parser takes: other days in other countries, or today's.</summary>
    [Theory]
    [InlineData("11/12/2026")]
    [InlineData("10:30")]
    [InlineData("21 Oct 2025")]
    [InlineData("2025-10-21 10:30:45Z")]
    [InlineData("20251021")]
    [InlineData(" 2025-10-21")]
    public void Time_InAnyOtherForm_IsAnErrorThatNamesTheField(string text)
    {
        var errors = new FieldErrors();
        Assert.Null(errors.Time("since", text));
        Assert.Equal(["since"], errors.All.Keys);
    }
}
