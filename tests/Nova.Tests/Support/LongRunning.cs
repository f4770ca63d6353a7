using Nova.Tests.Support;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(LongRunningFirst))]

namespace Nova.Tests.Support;

/// <summary>A class whose tests mostly wait, for 45 s or more, since the protocol's own times are what they are about.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class LongRunningAttribute : Attribute;

/// <summary>Starts them first: begun last, they would wait alone at the end. The others keep their order, the same in each run.</summary>
public sealed class LongRunningFirst : ITestCollectionOrderer
{
    private const string Before = "Test collection for ";

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => IsLongRunning(collection) ? 0 : 1).ThenBy(collection => collection.UniqueID, StringComparer.Ordinal)];

    /// <summary>Each class is a collection of its own, which is named after it.</summary>
    private static bool IsLongRunning(ITestCollection collection)
    {
        var name = collection.TestCollectionDisplayName;
        var type = name.StartsWith(Before, StringComparison.Ordinal) ? typeof(LongRunningFirst).Assembly.GetType(name[Before.Length..].Split(' ')[0]) : null;
        return type?.IsDefined(typeof(LongRunningAttribute), inherit: false) == true;
    }
}
