namespace Nova.Gateway.Viewers;

/// <summary>What a viewer's connection calls; whoever opened it says what a message means and what it leaves.</summary>
internal interface IViewerHandler
{
    void OnMessage(ViewerConnection viewer, ReadOnlyMemory<byte> message);

    /// <summary>Called once, when the connection begins to close or is gone, before anything slow happens.</summary>
    void OnLeaving(ViewerConnection viewer);
}
